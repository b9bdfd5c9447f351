#include "lakehouse/generation_private.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "lakehouse/system.h"

#define KEPT_PREFIX "generation-"
#define KEPT_SUFFIX ".duckdb"
#define FAILED_REPORTS 50

TarnLakehouse *tarn_lakehouse_new(const char *database_path) {
  TarnLakehouse *lakehouse = g_new0(TarnLakehouse, 1);
  lakehouse->path = g_strdup(database_path);
  lakehouse->dir = g_strconcat(database_path, ".d", NULL);
  lakehouse->work = g_build_filename(lakehouse->dir, "work.duckdb", NULL);
  lakehouse->work_wal = g_strconcat(lakehouse->work, ".wal", NULL);
  lakehouse->temp = g_build_filename(lakehouse->dir, "tmp", NULL);
  lakehouse->lock_fd = -1;
  return lakehouse;
}

void tarn_lakehouse_free(TarnLakehouse *lakehouse) {
  if (!lakehouse) return;
  tarn_lakehouse_unlock(lakehouse);
  g_free(lakehouse->path);
  g_free(lakehouse->dir);
  g_free(lakehouse->work);
  g_free(lakehouse->work_wal);
  g_free(lakehouse->temp);
  g_free(lakehouse);
}

const char *tarn_lakehouse_path(const TarnLakehouse *lakehouse) { return lakehouse->path; }
const char *tarn_lakehouse_work_path(const TarnLakehouse *lakehouse) { return lakehouse->work; }
const char *tarn_lakehouse_temp_path(const TarnLakehouse *lakehouse) { return lakehouse->temp; }
gboolean tarn_lakehouse_exists(const TarnLakehouse *lakehouse) {
  return g_file_test(lakehouse->path, G_FILE_TEST_EXISTS);
}

char *tarn_lakehouse_kept_path(const TarnLakehouse *lakehouse, gint64 generation) {
  g_autofree char *name = g_strdup_printf(KEPT_PREFIX "%" G_GINT64_FORMAT KEPT_SUFFIX, generation);
  return g_build_filename(lakehouse->dir, name, NULL);
}

gboolean tarn_lakehouse_read_number(const char *path, gint64 *generation, GError **error) {
  const TarnDbOptions options = {.read_only = TRUE, .memory_bytes = 64 * 1000 * 1000, .threads = 1};
  g_autoptr(TarnDb) db = tarn_db_open(path, &options, error);
  if (!db) return FALSE;
  g_autoptr(TarnConn) conn = tarn_db_connect(db, error);
  return conn && tarn_system_check(conn, error) && tarn_system_generation(conn, generation, error);
}

/* The N of generation-N.duckdb, 0 where the name is another. */
static gint64 number_in_name(const char *name) {
  if (!g_str_has_prefix(name, KEPT_PREFIX) || !g_str_has_suffix(name, KEPT_SUFFIX)) return 0;
  char *end = NULL;
  gint64 number = g_ascii_strtoll(name + strlen(KEPT_PREFIX), &end, 10);
  return number > 0 && g_str_equal(end, KEPT_SUFFIX) ? number : 0;
}

/* A run that was killed between keeping and renaming leaves a second name of what is still published. */
static gboolean is_published_file(const TarnLakehouse *lakehouse, const char *path) {
  struct stat published, other;
  return stat(lakehouse->path, &published) == 0 && stat(path, &other) == 0 && published.st_dev == other.st_dev &&
         published.st_ino == other.st_ino;
}

static gint newest_first(gconstpointer a, gconstpointer b) {
  gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;
  return left < right ? 1 : left > right ? -1 : 0;
}

GArray *tarn_lakehouse_kept(const TarnLakehouse *lakehouse) {
  GArray *kept = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_autoptr(GDir) dir = g_dir_open(lakehouse->dir, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    gint64 number = number_in_name(name);
    g_autofree char *path = g_build_filename(lakehouse->dir, name, NULL);
    if (number > 0 && !is_published_file(lakehouse, path)) g_array_append_val(kept, number);
  }
  g_array_sort(kept, newest_first);
  return kept;
}

/* "generations 7, 6 are kept", or NULL. */
static char *describe_kept(const TarnLakehouse *lakehouse) {
  g_autoptr(GArray) kept = tarn_lakehouse_kept(lakehouse);
  if (kept->len == 0) return NULL;
  g_autoptr(GString) text = g_string_new(kept->len == 1 ? "generation " : "generations ");
  for (guint i = 0; i < kept->len; i++)
    g_string_append_printf(text, "%s%" G_GINT64_FORMAT, i ? ", " : "", g_array_index(kept, gint64, i));
  g_string_append(text, kept->len == 1 ? " is kept" : " are kept");
  return g_string_free(g_steal_pointer(&text), FALSE);
}

char *tarn_lakehouse_generation_path(const TarnLakehouse *lakehouse, gint64 generation, GError **error) {
  g_autofree char *path = tarn_lakehouse_kept_path(lakehouse, generation);
  if (g_file_test(path, G_FILE_TEST_EXISTS) && !is_published_file(lakehouse, path)) return g_steal_pointer(&path);
  gint64 published = 0;
  if (tarn_lakehouse_exists(lakehouse) && tarn_lakehouse_read_number(lakehouse->path, &published, NULL) &&
      published == generation)
    return g_strdup(lakehouse->path);
  g_autofree char *kept = describe_kept(lakehouse);
  g_autofree char *hint = g_strdup_printf("generation %" G_GINT64_FORMAT " is published; %s (publish.keep)", published,
                                          kept ? kept : "no older one is kept");
  tarn_error_set(error, TARN_ERROR_USAGE, hint, "there is no generation %" G_GINT64_FORMAT " of %s", generation,
                 lakehouse->path);
  return NULL;
}

gboolean tarn_lakehouse_refuse_wal(const TarnLakehouse *lakehouse, GError **error) {
  g_autofree char *wal = g_strconcat(lakehouse->path, ".wal", NULL);
  if (!g_file_test(wal, G_FILE_TEST_EXISTS)) return TRUE;
  tarn_error_set(error, TARN_ERROR_ENVIRONMENT,
                 "close that program; then remove the .wal file (its changes are not Tarn's) and run again",
                 "another program wrote to the published file and left %s", wal);
  return FALSE;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *ftw) {
  (void)info, (void)type, (void)ftw;
  remove(path); /* a leftover that stays costs space only */
  return 0;
}

static void remove_tree(const char *path) { nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS); }

static void remove_partial_files(const TarnLakehouse *lakehouse) {
  g_autoptr(GDir) dir = g_dir_open(lakehouse->dir, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *path = g_build_filename(lakehouse->dir, name, NULL);
    if (g_str_has_suffix(name, ".partial")) unlink(path);
  }
}

void tarn_lakehouse_abandon(TarnLakehouse *lakehouse) {
  if (lakehouse->lock_fd < 0) return; /* another writer's files */
  unlink(lakehouse->work);
  unlink(lakehouse->work_wal);
  remove_tree(lakehouse->temp);
}

/* A published file that cannot be read must not be built upon; rollback gives a source of its own and may go on. */
static gboolean learn_published_generation(TarnLakehouse *lakehouse, gboolean must_be_readable, GError **error) {
  lakehouse->published_generation = 0;
  if (!tarn_lakehouse_exists(lakehouse)) return TRUE;
  g_autoptr(GError) fault = NULL;
  if (tarn_lakehouse_read_number(lakehouse->path, &lakehouse->published_generation, &fault)) return TRUE;
  lakehouse->published_generation = TARN_GENERATION_UNREADABLE;
  if (!must_be_readable) return TRUE;
  g_autofree char *kept = describe_kept(lakehouse);
  g_autofree char *hint =
      kept ? g_strdup_printf("%s: `tarn rollback` restores the newest", kept) : g_strdup(tarn_error_hint(fault));
  tarn_error_set_detail(error, tarn_error_exit_code(fault), tarn_error_detail(fault), hint, "%s", fault->message);
  return FALSE;
}

/* Leftovers go, the published file is looked at, and there is a place to work in. */
static gboolean make_ready(TarnLakehouse *lakehouse, gboolean must_be_readable, GError **error) {
  g_assert(lakehouse->lock_fd >= 0);
  tarn_lakehouse_abandon(lakehouse);
  remove_partial_files(lakehouse);
  if (!tarn_fault_point("clone.begin", error) || !tarn_lakehouse_refuse_wal(lakehouse, error) ||
      !learn_published_generation(lakehouse, must_be_readable, error))
    return FALSE;
  if (g_mkdir_with_parents(lakehouse->temp, 0755) == 0) return TRUE;
  tarn_error_set_errno(error, errno, "cannot make the folder %s", lakehouse->temp);
  return FALSE;
}

gboolean tarn_lakehouse_begin(TarnLakehouse *lakehouse, const char *source, GError **error) {
  if (!make_ready(lakehouse, source == NULL, error)) return FALSE;
  if (!source && lakehouse->published_generation > 0) source = lakehouse->path;
  if (source && !tarn_clone_file(source, lakehouse->work, error)) return FALSE;
  if (tarn_fault_point("clone.done", error)) return TRUE;
  tarn_lakehouse_abandon(lakehouse);
  return FALSE;
}

gboolean tarn_lakehouse_begin_empty(TarnLakehouse *lakehouse, GError **error) {
  return make_ready(lakehouse, FALSE, error);
}

static gint older_report_first(gconstpointer a, gconstpointer b) {
  const char *left = *(char *const *)a, *right = *(char *const *)b;
  struct stat l = {0}, r = {0};
  stat(left, &l);
  stat(right, &r);
  gint64 difference = (gint64)l.st_mtim.tv_sec - (gint64)r.st_mtim.tv_sec;
  return difference < 0 ? -1 : difference > 0 ? 1 : strcmp(left, right);
}

GPtrArray *tarn_lakehouse_failures(const TarnLakehouse *lakehouse) {
  GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *folder = g_build_filename(lakehouse->dir, "failed", NULL);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));)
    if (g_str_has_suffix(name, ".json")) g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
  g_ptr_array_sort(paths, older_report_first);
  return paths;
}

void tarn_lakehouse_record_failure(TarnLakehouse *lakehouse, const char *run_id, const char *report_json) {
  g_autofree char *folder = g_build_filename(lakehouse->dir, "failed", NULL);
  g_autofree char *name = g_strconcat(run_id, ".json", NULL);
  g_autofree char *path = g_build_filename(folder, name, NULL);
  if (g_mkdir_with_parents(folder, 0755) != 0 || !g_file_set_contents(path, report_json, -1, NULL)) return;
  g_autoptr(GPtrArray) reports = tarn_lakehouse_failures(lakehouse);
  for (guint i = 0; i + FAILED_REPORTS < reports->len; i++) unlink(reports->pdata[i]);
}
