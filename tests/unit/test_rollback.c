/* Rollback and diff on a small lakehouse with two published generations. */
#include "lakehouse/rollback.h"

#include <string.h>

#include "base/error.h"
#include "lakehouse/diff.h"
#include "lakehouse/ledger.h"
#include "lakehouse/system.h"
#include "lakehouse/table_state.h"

typedef struct {
  char *dir, *path;
} Fixture;

static void execute(TarnConn *conn, const char *sql) {
  g_autoptr(GError) error = NULL;
  tarn_conn_exec(conn, sql, &error);
  g_assert_no_error(error);
}

/* A run: gold is what select gives, recorded as the next generation. */
static void write_work_file(TarnLakehouse *lakehouse, const char *select, gint64 *generation) {
  g_autoptr(TarnDb) db = tarn_db_open(tarn_lakehouse_work_path(lakehouse), NULL, NULL);
  g_autoptr(TarnConn) conn = tarn_db_connect(db, NULL);
  g_autofree char *sql = g_strdup_printf("CREATE OR REPLACE TABLE \"gold x\" AS %s", select);
  g_assert_true(tarn_system_install(conn, NULL) && tarn_system_generation(conn, generation, NULL));
  execute(conn, sql);
  ++*generation;
  const TarnTableScope scope = {.table = "gold x", .layer = "gold"};
  g_autoptr(TarnTableState) state = tarn_table_state_compute(conn, &scope, NULL);
  g_autoptr(TarnRunReport) report = tarn_run_report_new();
  report->generation = *generation;
  report->counts.gold = state->rows;
  const TarnGenerationRow row = {.generation = *generation, .run_id = report->run_id};
  g_assert_true(tarn_table_state_save(conn, *generation, state, NULL) && tarn_system_add_generation(conn, &row, NULL) &&
                tarn_ledger_add_run(conn, report, NULL) &&
                tarn_system_set(conn, "next_seq", *generation == 1 ? "9" : "100", NULL) &&
                tarn_system_set_object(conn, "gold x", "gold", "d", "{\"key\":[\"id\"]}", NULL));
  execute(conn, "CHECKPOINT");
}

static void publish(const Fixture *fixture, const char *select) {
  g_autoptr(TarnLakehouse) lakehouse = tarn_lakehouse_new(fixture->path);
  gint64 generation;
  g_assert_true(tarn_lakehouse_lock(lakehouse, NULL) && tarn_lakehouse_begin(lakehouse, NULL, NULL));
  write_work_file(lakehouse, select, &generation);
  g_assert_true(tarn_lakehouse_publish(lakehouse, generation, 2, NULL));
}

static void set_up(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  fixture->dir = g_dir_make_tmp("tarn-rollback-XXXXXX", NULL);
  fixture->path = g_build_filename(fixture->dir, "it's a lake.duckdb", NULL);
  publish(fixture, "SELECT * FROM (VALUES (1, 'a', 1), (2, 'b', 1), (3, 'c', 1)) v(id, name, old)");
  publish(fixture, "SELECT * FROM (VALUES (1, 'a', 1), (2, 'B', 1), (4, 'd', 1), (5, 'e', 1)) v(id, name, new)");
}

static void tear_down(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  const char *argv[] = {"rm", "-rf", fixture->dir, NULL};
  g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL));
  g_free(fixture->dir);
  g_free(fixture->path);
}

static gint64 ask(const Fixture *fixture, const char *sql) {
  const TarnDbOptions options = {.read_only = TRUE};
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnDb) db = tarn_db_open(fixture->path, &options, &error);
  g_assert_no_error(error);
  g_autoptr(TarnConn) conn = tarn_db_connect(db, NULL);
  gint64 value = -1;
  tarn_conn_query_int(conn, sql, NULL, 0, &value, &error);
  g_assert_no_error(error);
  return value;
}

static gboolean roll_back(const Fixture *fixture, gint64 target, TarnRollback *done, GError **error) {
  g_autoptr(TarnLakehouse) lakehouse = tarn_lakehouse_new(fixture->path);
  return tarn_lakehouse_lock(lakehouse, error) && tarn_rollback(lakehouse, target, done, error);
}

static void test_rollback(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  TarnRollback done;
  g_autoptr(GError) error = NULL;
  roll_back(fixture, 1, &done, &error);
  g_assert_no_error(error);
  g_assert_cmpint(done.published, ==, 3);
  g_assert_cmpint(done.replaced, ==, 2);
  g_assert_cmpint(ask(fixture, "SELECT count(*) FROM \"gold x\""), ==, 3);
  g_assert_cmpint(ask(fixture, "SELECT max(generation) FROM tarn.generations"), ==, 3);
  g_assert_cmpint(ask(fixture, "SELECT rolled_back_from FROM tarn.generations WHERE generation = 3"), ==, 1);
  g_assert_cmpint(ask(fixture, "SELECT count(*) FROM tarn.runs"), ==, 3);
  g_assert_cmpint(ask(fixture, "SELECT gold FROM tarn.runs WHERE generation = 3 AND status = 'rolled_back'"), ==, 3);
  g_assert_cmpint(ask(fixture, "SELECT count(DISTINCT content_hash) FROM tarn.table_states"), ==, 2);
  g_assert_cmpint(
      ask(fixture, "SELECT count(*) FROM tarn.meta WHERE key = 'hold' AND value LIKE 'rollback to 1 at 2%Z'"), ==, 1);
}

static void test_rollback_and_forth(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  TarnRollback done;
  g_assert_true(roll_back(fixture, 0, &done, NULL));
  g_assert_cmpint(done.target, ==, 1);
  g_assert_true(roll_back(fixture, 0, &done, NULL));
  g_assert_cmpint(done.target, ==, 2);
  g_assert_cmpint(ask(fixture, "SELECT count(*) FROM \"gold x\""), ==, 4);
  g_assert_cmpint(ask(fixture, "SELECT max(generation) FROM tarn.generations"), ==, 4);
}

static void test_rollback_of_an_unreadable_file(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  TarnRollback done;
  g_assert_true(g_file_set_contents(fixture->path, "no database", -1, NULL));
  g_assert_true(roll_back(fixture, 0, &done, NULL));
  g_assert_cmpint(done.target, ==, 1);
  g_assert_cmpint(done.replaced, ==, 0);
  g_assert_cmpint(done.published, ==, 3);
  g_assert_cmpint(ask(fixture, "SELECT count(*) FROM \"gold x\""), ==, 3);
  g_autofree char *saved = g_strconcat(fixture->path, ".d/unreadable.duckdb", NULL);
  g_assert_true(g_file_test(saved, G_FILE_TEST_EXISTS));
}

static void test_rollback_to_nowhere(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  TarnRollback done;
  g_autoptr(GError) absent = NULL, same = NULL;
  g_assert_false(roll_back(fixture, 9, &done, &absent));
  g_assert_error(absent, TARN_ERROR, TARN_ERROR_USAGE);
  g_assert_nonnull(strstr(tarn_error_hint(absent), "generation 2 is published; generation 1 is kept"));
  g_assert_false(roll_back(fixture, 2, &done, &same));
  g_assert_nonnull(strstr(same->message, "published one already"));
  g_assert_cmpint(ask(fixture, "SELECT max(generation) FROM tarn.generations"), ==, 2);
}

/* Rows of a query as text, one line per row. */
static char *lines(TarnConn *conn, const char *columns, const char *table) {
  g_autofree char *sql = g_strdup_printf("SELECT string_agg(concat_ws(' ', %s), '\n') FROM %s", columns, table);
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnResult) result = tarn_conn_query(conn, sql, NULL, 0, &error);
  g_assert_no_error(error);
  return tarn_result_text(result, 0, 0);
}

static void test_diff(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  g_autofree char *from = g_strconcat(fixture->path, ".d/generation-1.duckdb", NULL);
  g_auto(TarnDiff) diff = {0};
  g_autoptr(GError) error = NULL;
  tarn_diff_open(&diff, from, fixture->path, 10, &error);
  g_assert_no_error(error);
  g_assert_cmpint(diff.from, ==, 1);
  g_assert_cmpint(diff.to, ==, 2);
  g_autofree char *tables = lines(diff.conn, "layer, \"table\", from_rows, to_rows, same_content", "diff_tables");
  g_autofree char *columns =
      lines(diff.conn, "\"column\", coalesce(from_type, '-'), coalesce(to_type, '-')", "diff_columns");
  g_autofree char *keys = lines(diff.conn, "key, added, removed, changed", "diff_keys");
  g_autofree char *rows = lines(diff.conn, "change, key, columns", "diff_rows");
  g_assert_cmpstr(tables, ==, "gold gold x 3 4 false");
  g_assert_cmpstr(columns, ==, "new - INTEGER\nold INTEGER -");
  g_assert_cmpstr(keys, ==, "[id] 2 1 1");
  g_assert_cmpstr(rows, ==, "changed [2] [name]\nremoved [3] []\nadded [4] []\nadded [5] []");
}

static void test_diff_lists_at_most_limit(Fixture *fixture, gconstpointer unused) {
  (void)unused;
  g_autofree char *from = g_strconcat(fixture->path, ".d/generation-1.duckdb", NULL);
  g_auto(TarnDiff) diff = {0};
  g_assert_true(tarn_diff_open(&diff, from, fixture->path, 2, NULL));
  g_autofree char *rows = lines(diff.conn, "change, key, columns", "diff_rows");
  g_assert_cmpstr(rows, ==, "changed [2] [name]\nremoved [3] []");
}

#define ADD(name, test) g_test_add("/" name, Fixture, NULL, set_up, test, tear_down)

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  ADD("rollback/old_content_new_number", test_rollback);
  ADD("rollback/back_and_forth", test_rollback_and_forth);
  ADD("rollback/of_an_unreadable_file", test_rollback_of_an_unreadable_file);
  ADD("rollback/to_nowhere", test_rollback_to_nowhere);
  ADD("diff/tables_columns_keys_rows", test_diff);
  ADD("diff/lists_at_most_limit", test_diff_lists_at_most_limit);
  return g_test_run();
}
