/* Generations on real files. A run that is killed or fails is a process of its own: this program called as
 * `test_generation publish PATH ROWS`. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "lakehouse/generation.h"
#include "lakehouse/system.h"
#include "lakehouse/table_state.h"

static const char *self;

/* The system calls of a volume without hard links or locks. */
static gboolean no_hard_links, no_locks;

int link(const char *from, const char *to) {
  if (!no_hard_links) return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
  errno = EPERM;
  return -1;
}

int flock(int fd, int operation) {
  if (!no_locks) return (int)syscall(SYS_flock, fd, operation);
  errno = ENOLCK;
  return -1;
}

typedef struct {
  char *dir;
  char *path;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  fixture->dir = g_dir_make_tmp("tarn-generation-XXXXXX", NULL);
  fixture->path = g_build_filename(fixture->dir, "lake.duckdb", NULL);
}

static void tear_down(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  const char *argv[] = {"rm", "-rf", fixture->dir, NULL};
  g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
  g_free(fixture->dir);
  g_free(fixture->path);
}

/* What a run does between begin and publish: a table with `rows` rows that is recorded as the next generation. */
static gboolean write_work_file(TarnLakehouse *lakehouse, gint64 rows, gint64 *generation, GError **error) {
  g_autoptr(TarnDb) db = tarn_db_open(tarn_lakehouse_work_path(lakehouse), NULL, error);
  if (!db) return FALSE;
  g_autoptr(TarnConn) conn = tarn_db_connect(db, error);
  if (!conn || !tarn_system_install(conn, error) || !tarn_system_generation(conn, generation, error)) return FALSE;
  (*generation)++;
  const TarnValue value = tarn_value_int(rows);
  const TarnGenerationRow row = {.generation = *generation, .run_id = "r"};
  const TarnTableScope scope = {.table = "t", .layer = "bronze"};
  if (!tarn_conn_run(conn, "CREATE OR REPLACE TABLE t AS SELECT range AS x FROM range($1)", &value, 1, NULL, error))
    return FALSE;
  g_autoptr(TarnTableState) state = tarn_table_state_compute(conn, &scope, error);
  return state && tarn_table_state_save(conn, *generation, state, error) &&
         tarn_system_add_generation(conn, &row, error) && tarn_conn_exec(conn, "CHECKPOINT", error);
}

static gboolean publish(const char *path, gint64 rows, guint keep, GError **error) {
  g_autoptr(TarnLakehouse) lakehouse = tarn_lakehouse_new(path);
  gint64 generation;
  if (!tarn_lakehouse_lock(lakehouse, error)) return FALSE;
  if (tarn_lakehouse_begin(lakehouse, NULL, error) && write_work_file(lakehouse, rows, &generation, error) &&
      tarn_lakehouse_publish(lakehouse, generation, keep, error))
    return TRUE;
  tarn_lakehouse_abandon(lakehouse);
  return FALSE;
}

static void publish_well(const char *path, gint64 rows, guint keep) {
  g_autoptr(GError) error = NULL;
  publish(path, rows, keep, &error);
  g_assert_no_error(error);
}

/* The same in a process of its own; returns its wait status. */
static int publish_in_child(const char *path, gint64 rows, const char *fault) {
  g_autofree char *count = g_strdup_printf("%" G_GINT64_FORMAT, rows);
  const char *argv[] = {self, "publish", path, count, NULL};
  g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "TARN_FAULT", fault ? fault : "", TRUE);
  int status = 0;
  g_assert_true(g_spawn_sync(NULL, (char **)argv, environment, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL,
                             &status, NULL));
  return status;
}

typedef struct {
  gint64 generation, rows;
} Published;

static Published read_file(const char *path) {
  Published found = {0};
  const TarnDbOptions options = {.read_only = TRUE};
  g_autoptr(TarnDb) db = tarn_db_open(path, &options, NULL);
  g_assert_nonnull(db);
  g_autoptr(TarnConn) conn = tarn_db_connect(db, NULL);
  g_assert_true(tarn_system_generation(conn, &found.generation, NULL));
  g_assert_true(tarn_table_count(conn, "t", &found.rows, NULL));
  return found;
}

static void assert_published(const char *path, gint64 generation, gint64 rows) {
  Published found = read_file(path);
  g_assert_cmpint(found.generation, ==, generation);
  g_assert_cmpint(found.rows, ==, rows);
}

static gboolean has_file(const Fixture *fixture, const char *name) {
  g_autofree char *path = g_build_filename(fixture->dir, "lake.duckdb.d", name, NULL);
  return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void write_file(const Fixture *fixture, const char *name, const char *text) {
  g_autofree char *path = g_build_filename(fixture->dir, name, NULL);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void assert_error(GError *error, int code, const char *message_part, const char *hint_part) {
  g_assert_error(error, TARN_ERROR, code);
  g_assert_nonnull(strstr(error->message, message_part));
  if (hint_part) g_assert_nonnull(strstr(tarn_error_hint(error), hint_part));
}

static void test_publishes_and_keeps(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  publish_well(fixture->path, 10, 1);
  publish_well(fixture->path, 20, 1);
  assert_published(fixture->path, 2, 20);
  struct stat info;
  g_assert_cmpint(stat(fixture->path, &info), ==, 0);
  g_assert_cmpint(info.st_mode & 0777, ==, 0444);
  g_assert_false(has_file(fixture, "work.duckdb"));
  g_assert_false(has_file(fixture, "tmp"));
  g_autofree char *kept = g_build_filename(fixture->dir, "lake.duckdb.d", "generation-1.duckdb", NULL);
  assert_published(kept, 1, 10);
}

static void test_keep_counts_older_generations(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  for (gint64 n = 1; n <= 12; n++) publish_well(fixture->path, n, 3);
  g_autoptr(TarnLakehouse) lakehouse = tarn_lakehouse_new(fixture->path);
  g_autoptr(GArray) kept = tarn_lakehouse_kept(lakehouse);
  g_assert_cmpuint(kept->len, ==, 3);
  for (guint i = 0; i < 3; i++) g_assert_cmpint(g_array_index(kept, gint64, i), ==, 11 - (gint64)i);
  publish_well(fixture->path, 13, 0);
  g_autoptr(GArray) none = tarn_lakehouse_kept(lakehouse);
  g_assert_cmpuint(none->len, ==, 0);
}

static void test_generation_path(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  publish_well(fixture->path, 10, 1);
  publish_well(fixture->path, 20, 1);
  g_autoptr(TarnLakehouse) lakehouse = tarn_lakehouse_new(fixture->path);
  g_autoptr(GError) error = NULL;
  g_autofree char *first = tarn_lakehouse_generation_path(lakehouse, 1, NULL);
  g_autofree char *second = tarn_lakehouse_generation_path(lakehouse, 2, NULL);
  assert_published(first, 1, 10);
  g_assert_cmpstr(second, ==, fixture->path);
  g_assert_null(tarn_lakehouse_generation_path(lakehouse, 7, &error));
  assert_error(error, TARN_ERROR_USAGE, "no generation 7", "generation 2 is published; generation 1 is kept");
}

static void test_copies_without_hard_links(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  no_hard_links = TRUE;
  publish_well(fixture->path, 10, 1);
  publish_well(fixture->path, 20, 1);
  publish_well(fixture->path, 30, 1);
  no_hard_links = FALSE;
  g_autofree char *kept = g_build_filename(fixture->dir, "lake.duckdb.d", "generation-2.duckdb", NULL);
  assert_published(kept, 2, 20);
  assert_published(fixture->path, 3, 30);
  g_assert_false(has_file(fixture, "generation-1.duckdb"));
}

static void test_second_writer_is_told_the_holder(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  g_autoptr(TarnLakehouse) first = tarn_lakehouse_new(fixture->path), second = tarn_lakehouse_new(fixture->path);
  g_autoptr(GError) error = NULL;
  g_assert_true(tarn_lakehouse_lock(first, NULL));
  g_assert_false(tarn_lakehouse_lock(second, &error));
  g_autofree char *holder = g_strdup_printf("pid %d on %s since 20", (int)getpid(), g_get_host_name());
  assert_error(error, TARN_ERROR_BUSY, holder, "try again");
  tarn_lakehouse_free(g_steal_pointer(&first));
  g_assert_true(tarn_lakehouse_lock(second, NULL));
}

static void test_lock_that_cannot_be(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  g_autoptr(TarnLakehouse) lakehouse = tarn_lakehouse_new(fixture->path),
                           forbidden = tarn_lakehouse_new("/sys/tarn-test/lake.duckdb");
  g_autoptr(GError) error = NULL, other = NULL;
  no_locks = TRUE;
  g_assert_false(tarn_lakehouse_lock(lakehouse, &error));
  no_locks = FALSE;
  assert_error(error, TARN_ERROR_ENVIRONMENT, "has no file locks", "local file system");
  g_assert_false(tarn_lakehouse_lock(forbidden, &other));
  assert_error(other, TARN_ERROR_ENVIRONMENT, "cannot make the folder /sys/tarn-test/lake.duckdb.d", "");
}

static void test_leftovers_of_a_killed_run_are_removed(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  publish_well(fixture->path, 10, 1);
  g_autofree char *spilled = g_build_filename(fixture->dir, "lake.duckdb.d", "tmp", "deep", NULL);
  g_assert_cmpint(g_mkdir_with_parents(spilled, 0755), ==, 0);
  write_file(fixture, "lake.duckdb.d/tmp/deep/spill", "x");
  write_file(fixture, "lake.duckdb.d/work.duckdb", "half a file");
  write_file(fixture, "lake.duckdb.d/work.duckdb.wal", "x");
  write_file(fixture, "lake.duckdb.d/generation-7.duckdb.partial", "x");
  publish_well(fixture->path, 20, 1);
  assert_published(fixture->path, 2, 20);
  g_assert_false(has_file(fixture, "generation-7.duckdb.partial"));
  g_assert_false(has_file(fixture, "tmp"));
}

static void test_corrupt_file_names_the_kept_ones(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  publish_well(fixture->path, 10, 1);
  publish_well(fixture->path, 20, 1);
  write_file(fixture, "lake.duckdb", "this is no database, whatever its name says; it is only text");
  g_autoptr(GError) error = NULL;
  g_assert_false(publish(fixture->path, 30, 1, &error));
  assert_error(error, TARN_ERROR_ENVIRONMENT, fixture->path, "generation 1 is kept: `tarn rollback`");
}

static void test_foreign_wal_is_refused(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  publish_well(fixture->path, 10, 1);
  write_file(fixture, "lake.duckdb.wal", "x");
  g_autoptr(GError) error = NULL;
  g_assert_false(publish(fixture->path, 20, 1, &error));
  assert_error(error, TARN_ERROR_ENVIRONMENT, "lake.duckdb.wal", "remove the .wal");
  assert_published(fixture->path, 1, 10);
}

/* The work file as write_work_file leaves it, then spoiled by sql; publishing must refuse it. */
static void assert_refused(Fixture *fixture, const char *sql, gint64 generation, const char *message_part) {
  g_autoptr(TarnLakehouse) lakehouse = tarn_lakehouse_new(fixture->path);
  g_autoptr(GError) error = NULL;
  gint64 written;
  g_assert_true(tarn_lakehouse_lock(lakehouse, NULL) && tarn_lakehouse_begin(lakehouse, NULL, NULL));
  g_assert_true(write_work_file(lakehouse, 20, &written, NULL));
  g_autoptr(TarnDb) db = tarn_db_open(tarn_lakehouse_work_path(lakehouse), NULL, NULL);
  g_autoptr(TarnConn) conn = tarn_db_connect(db, NULL);
  g_assert_true(tarn_conn_exec(conn, sql, NULL) && tarn_conn_exec(conn, "CHECKPOINT", NULL));
  tarn_conn_close(g_steal_pointer(&conn));
  tarn_db_close(g_steal_pointer(&db));
  g_assert_false(tarn_lakehouse_publish(lakehouse, generation, 1, &error));
  assert_error(error, TARN_ERROR_INTERNAL, message_part, NULL);
  tarn_lakehouse_abandon(lakehouse);
}

static void test_a_false_work_file_is_refused(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  publish_well(fixture->path, 10, 1);
  assert_refused(fixture, "DELETE FROM t WHERE x = 3", 2, "19 rows in t, but 20");
  assert_refused(fixture, "SELECT 1", 3, "calls itself generation 2");
  assert_refused(fixture, "DELETE FROM tarn.generations WHERE generation = 2", 1,
                 "generation 1, to be published as 1 after 1");
  assert_published(fixture->path, 1, 10);
  publish_well(fixture->path, 20, 1);
  assert_published(fixture->path, 2, 20);
}

static void test_failure_reports(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  g_autoptr(TarnLakehouse) lakehouse = tarn_lakehouse_new(fixture->path);
  for (guint i = 0; i < 53; i++) {
    g_autofree char *id = g_strdup_printf("run-%02u", i);
    tarn_lakehouse_record_failure(lakehouse, id, "{}");
  }
  g_autoptr(GPtrArray) reports = tarn_lakehouse_failures(lakehouse);
  g_assert_cmpuint(reports->len, ==, 50);
  g_assert_true(g_str_has_suffix(reports->pdata[49], "/run-52.json"));
}

/* After a fault: generation 1 or 2, whole; and the next run works and reads nothing of what was left. */
static void check_fault(Fixture *fixture, const char *name, const char *action) {
  g_test_message("%s:%s", name, action);
  g_assert_cmpint(publish_in_child(fixture->path, 10, NULL), ==, 0);
  g_autofree char *fault = g_strdup_printf("%s:%s", name, action);
  int status = publish_in_child(fixture->path, 20, fault);
  if (g_str_equal(action, "kill"))
    g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  else
    g_assert_cmpint(WEXITSTATUS(status), ==, TARN_ERROR_ENVIRONMENT);
  gboolean renamed = g_str_equal(name, "publish.renamed") || g_str_equal(name, "publish.done");
  assert_published(fixture->path, renamed ? 2 : 1, renamed ? 20 : 10);
  g_assert_cmpint(publish_in_child(fixture->path, 30, NULL), ==, 0);
  assert_published(fixture->path, renamed ? 3 : 2, 30);
  g_autoptr(TarnLakehouse) lakehouse = tarn_lakehouse_new(fixture->path);
  g_autoptr(GArray) kept = tarn_lakehouse_kept(lakehouse);
  g_assert_cmpuint(kept->len, ==, 1);
  g_assert_cmpint(g_array_index(kept, gint64, 0), ==, renamed ? 2 : 1);
}

static gboolean is_ours(const char *name) {
  return g_str_has_prefix(name, "lock.") || g_str_has_prefix(name, "clone.") || g_str_has_prefix(name, "publish.");
}

static void test_faults(Fixture *fixture, gconstpointer action) {
  for (const char *const *name = tarn_fault_names(); *name; name++) {
    if (!is_ours(*name)) continue;
    check_fault(fixture, *name, action);
    tear_down(fixture, NULL);
    set_up(fixture, NULL);
  }
}

static int run_as_child(char **argv) {
  g_autoptr(GError) error = NULL;
  if (publish(argv[2], g_ascii_strtoll(argv[3], NULL, 10), 1, &error)) return 0;
  g_printerr("%s\n", error->message);
  return tarn_error_exit_code(error);
}

#define ADD(name, test) g_test_add("/generation/" name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv) {
  self = argv[0];
  if (argc == 4 && g_str_equal(argv[1], "publish")) return run_as_child(argv);
  g_test_init(&argc, &argv, NULL);
  ADD("publishes_and_keeps", test_publishes_and_keeps);
  ADD("keep_counts_older_generations", test_keep_counts_older_generations);
  ADD("path_of_a_generation", test_generation_path);
  ADD("copies_without_hard_links", test_copies_without_hard_links);
  ADD("second_writer_is_told_the_holder", test_second_writer_is_told_the_holder);
  ADD("lock_that_cannot_be", test_lock_that_cannot_be);
  ADD("leftovers_of_a_killed_run_are_removed", test_leftovers_of_a_killed_run_are_removed);
  ADD("corrupt_file_names_the_kept_ones", test_corrupt_file_names_the_kept_ones);
  ADD("foreign_wal_is_refused", test_foreign_wal_is_refused);
  ADD("a_false_work_file_is_refused", test_a_false_work_file_is_refused);
  ADD("failure_reports", test_failure_reports);
  g_test_add("/generation/killed_at_every_fault_point", Fixture, "kill", set_up, test_faults, tear_down);
  g_test_add("/generation/disk_full_at_every_fault_point", Fixture, "enospc", set_up, test_faults, tear_down);
  return g_test_run();
}
