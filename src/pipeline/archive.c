#include "pipeline/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/json_writer.h"
#include "lakehouse/sql.h"
#include "lakehouse/system.h"
#include "pipeline/archive_file.h"
#include "pipeline/archive_private.h"
#include "pipeline/archive_shape.h"

/* One archive run. */
typedef struct {
  const TarnArchiveOptions *options;
  TarnArchiveReport *report;
  TarnArchiveFolder folder;
  TarnArchiveManifest *now; /* the one to be written */
  TarnArchiveShape shapes[TARN_ARCHIVE_N_LAYERS];
  TarnDb *db;
  TarnConn *conn;
  int lock;
  gboolean doubted; /* numbers may mean other rows than when they were archived */
} Writing;

static void writing_clear(Writing *writing) {
  for (guint i = 0; i < TARN_ARCHIVE_N_LAYERS; i++) tarn_archive_shape_clear(&writing->shapes[i]);
  tarn_conn_close(writing->conn);
  tarn_db_close(writing->db);
  tarn_archive_folder_clear(&writing->folder);
  tarn_archive_manifest_free(writing->now);
  if (writing->lock >= 0) close(writing->lock);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Writing, writing_clear)

TarnArchiveReport *tarn_archive_report_new(void) {
  TarnArchiveReport *report = g_new0(TarnArchiveReport, 1);
  report->warnings = g_ptr_array_new_with_free_func(g_free);
  return report;
}

void tarn_archive_report_free(TarnArchiveReport *report) {
  if (!report) return;
  g_ptr_array_unref(report->warnings);
  g_free(report);
}

/* The folder itself is locked, so that nothing has to be written for it; a volume without locks goes without. */
static gboolean take_lock(Writing *writing, GError **error) {
  const char *folder = writing->options->folder;
  if (!tarn_archive_make_folder(folder, error)) return FALSE;
  writing->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (writing->lock < 0) {
    tarn_error_set_errno(error, errno, "cannot open the folder %s", folder);
    return FALSE;
  }
  if (flock(writing->lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return TRUE;
  tarn_error_set(error, TARN_ERROR_BUSY, "wait until it has finished and try again",
                 "another process writes the archive %s", folder);
  return FALSE;
}

static gboolean open_database(Writing *writing, GError **error) {
  const TarnArchiveOptions *options = writing->options;
  const TarnDbOptions open = {.read_only = TRUE,
                              .threads = options->budget.threads,
                              .memory_bytes = options->budget.engine_bytes,
                              .external_access = TRUE};
  writing->db = tarn_db_open(options->database_path, &open, error);
  writing->conn = writing->db ? tarn_db_connect(writing->db, error) : NULL;
  return writing->conn && tarn_system_check(writing->conn, error);
}

/* Everything of the new manifest but its files. */
static gboolean describe(Writing *writing, GError **error) {
  TarnArchiveManifest *now = writing->now = tarn_archive_manifest_new();
  const TarnProject *project = writing->options->project;
  if (!tarn_archive_describe(writing->conn, project, now, error)) return FALSE;
  now->number = writing->folder.highest + 1;
  for (guint i = 0; i < TARN_ARCHIVE_N_LAYERS; i++)
    if (!tarn_archive_shape_init(&writing->shapes[i], i, project, writing->conn, NULL, error)) return FALSE;
  return TRUE;
}

/* Is the archive a copy of this very lakehouse? If not, bringing it up to date would throw away what only it has. */
static gboolean check_lineage(Writing *writing, GError **error) {
  const TarnArchiveManifest *before = writing->folder.newest;
  const char *folder = writing->options->folder;
  if (!before) return TRUE;
  if (!g_str_equal(before->project, writing->now->project)) {
    tarn_error_set(error, TARN_ERROR_USAGE, "give each project a folder of its own",
                   "%s is the archive of the project '%s', not of '%s'", folder, before->project,
                   writing->now->project);
    return FALSE;
  }
  const TarnValue values[] = {tarn_value_int(before->generation), tarn_value_text(before->run_id)};
  g_autoptr(TarnResult) row = tarn_conn_query(writing->conn, tarn_sql_archive_lineage, values, 2, error);
  if (!row) return FALSE;
  writing->doubted = tarn_result_int(row, 0, 1) > 0;
  if (tarn_result_int(row, 0, 0) > 0) return TRUE;
  tarn_error_set(error, TARN_ERROR_USAGE,
                 "`tarn rebuild --from both` goes on from the archive; or archive into an empty folder",
                 "%s is the archive of another lakehouse: it ends with a generation %" G_GINT64_FORMAT
                 " that %s does not know (generation %" G_GINT64_FORMAT ")",
                 folder, before->generation, writing->options->database_path, writing->now->generation);
  return FALSE;
}

static char *full_path(const Writing *writing, const TarnArchiveFile *file) {
  return g_build_filename(writing->options->folder, file->path, NULL);
}

static gboolean is_on_disk(const Writing *writing, const TarnArchiveFile *file) {
  g_autofree char *path = full_path(writing, file);
  struct stat info;
  return stat(path, &info) == 0 && info.st_size == file->bytes;
}

/* The files of a layer in the newest manifest (borrowed). */
static GPtrArray *files_before(const Writing *writing, TarnArchiveLayer layer) {
  GPtrArray *files = g_ptr_array_new();
  const TarnArchiveManifest *before = writing->folder.newest;
  for (guint i = 0; before && i < before->files->len; i++) {
    TarnArchiveFile *file = before->files->pdata[i];
    if (file->layer == layer) g_ptr_array_add(files, file);
  }
  return files;
}

/* Reads a file that was just written, and compares. */
static gboolean check_written(Writing *writing, const TarnArchiveShape *shape, const TarnArchiveFile *file,
                              const char *temp, GError **error) {
  g_autofree char *literal = tarn_sql_quote_literal(temp);
  g_autofree char *sql =
      tarn_sql_fill(tarn_sql_archive_read_back, "arguments", shape->arguments, "file", literal, NULL);
  g_autoptr(TarnResult) row = tarn_conn_query(writing->conn, sql, NULL, 0, error);
  if (!row) return FALSE;
  g_autofree char *hash = tarn_result_text(row, 0, 1);
  if (tarn_result_int(row, 0, 0) == file->rows && g_str_equal(hash, file->row_hash)) return TRUE;
  tarn_error_set(error, TARN_ERROR_INTERNAL, "check the volume; if it is sound, report this as a bug",
                 "%s does not hold the rows that were written to it", temp);
  return FALSE;
}

static gboolean copy_rows(Writing *writing, const TarnArchiveShape *shape, const TarnArchiveFile *file,
                          const char *temp, GError **error) {
  g_autofree char *literal = tarn_sql_quote_literal(temp), *day = tarn_sql_quote_literal(file->day);
  g_autofree char *first = g_strdup_printf("%" G_GINT64_FORMAT, file->first);
  g_autofree char *last = g_strdup_printf("%" G_GINT64_FORMAT, file->last);
  g_autofree char *sql =
      tarn_sql_fill(tarn_sql_archive_copy, "table", shape->table, "filter", shape->filter, "number", shape->number,
                    "time", shape->time, "first", first, "last", last, "day", day, "file", literal, NULL);
  return tarn_conn_exec(writing->conn, sql, error) && tarn_fault_point("archive.copied", error) &&
         check_written(writing, shape, file, temp, error);
}

static gboolean describe_parts(Writing *writing, const TarnArchiveShape *shape, TarnArchiveFile *file, GError **error) {
  g_autofree char *sql = tarn_sql_fill(tarn_sql_archive_parts, "table", shape->table, "filter", shape->filter, "number",
                                       shape->number, "time", shape->time, NULL);
  const TarnValue values[] = {tarn_value_int(file->first), tarn_value_int(file->last), tarn_value_text(file->day)};
  file->parts = tarn_archive_query_text(writing->conn, sql, values, 3, error);
  return file->parts != NULL;
}

static gboolean write_file(Writing *writing, TarnArchiveFile *file, GError **error) {
  const TarnArchiveShape *shape = &writing->shapes[file->layer];
  g_autofree char *path = full_path(writing, file);
  g_autofree char *folder = g_path_get_dirname(path), *temp = tarn_archive_temp_path(path);
  if (!tarn_archive_make_folder(folder, error) || !describe_parts(writing, shape, file, error)) return FALSE;
  tarn_archive_remove_temporary(folder);
  if (copy_rows(writing, shape, file, temp, error) &&
      tarn_archive_file_digest(temp, &file->sha256, &file->bytes, error) &&
      tarn_archive_file_publish(path, file->sha256, error) && tarn_fault_point("archive.file", error))
    return TRUE;
  unlink(temp);
  return FALSE;
}

/* Writes the rows of a layer from number first to last as files of the new manifest. */
static gboolean write_range(Writing *writing, TarnArchiveLayer layer, gint64 first, gint64 last, GError **error) {
  const TarnArchiveShape *shape = &writing->shapes[layer];
  g_autofree char *sql =
      tarn_sql_fill(tarn_sql_archive_pieces, "table", shape->table, "filter", shape->filter, "number", shape->number,
                    "time", shape->time, "arguments", shape->arguments, NULL);
  const TarnValue values[] = {tarn_value_int(first), tarn_value_int(last)};
  g_autoptr(TarnResult) pieces = tarn_conn_query(writing->conn, sql, values, 2, error);
  if (!pieces) return FALSE;
  const char *rules = g_hash_table_lookup(writing->now->objects, "quality rules");
  for (guint64 row = 0; row < tarn_result_rows(pieces); row++) {
    TarnArchiveFile *file = g_new0(TarnArchiveFile, 1);
    g_ptr_array_add(writing->now->files, file);
    file->layer = layer;
    file->day = tarn_result_text(pieces, row, 0);
    file->first = tarn_result_int(pieces, row, 1);
    file->last = tarn_result_int(pieces, row, 2);
    file->rows = tarn_result_int(pieces, row, 3);
    file->row_hash = tarn_result_text(pieces, row, 4);
    file->rules = layer == TARN_ARCHIVE_BRONZE ? g_strdup(rules) : NULL;
    file->path =
        g_strdup_printf("%s/day=%s/%012" G_GINT64_FORMAT "-%012" G_GINT64_FORMAT ".a%" G_GINT64_FORMAT ".parquet",
                        tarn_archive_layer_names[layer], file->day, file->first, file->last, writing->now->number);
    if (!write_file(writing, file, error)) return FALSE;
    writing->report->files_written++;
    writing->report->bytes_written += file->bytes;
    writing->report->rows_written[layer] += file->rows;
  }
  return TRUE;
}

/* How many rows of the published file have the numbers that the archive has. */
static gboolean count_archived(Writing *writing, TarnArchiveLayer layer, gint64 *rows, GError **error) {
  const TarnArchiveShape *shape = &writing->shapes[layer];
  g_autofree char *sql =
      g_strdup_printf("SELECT count(*) FROM %s WHERE %s AND %s < $1", shape->table, shape->filter, shape->number);
  const TarnValue next = tarn_value_int(writing->folder.newest->next[layer]);
  return tarn_conn_query_int(writing->conn, sql, &next, 1, rows, error);
}

static char *list_files(const GPtrArray *files) {
  g_autoptr(GString) text = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, text);
  tarn_json_begin_array(&json);
  for (guint i = 0; i < files->len; i++) {
    const TarnArchiveFile *file = files->pdata[i];
    tarn_json_begin_object(&json);
    tarn_json_member_int(&json, "place", i);
    tarn_json_member_string(&json, "day", file->day);
    tarn_json_member_int(&json, "first", file->first);
    tarn_json_member_int(&json, "last", file->last);
    tarn_json_end_object(&json);
  }
  tarn_json_end_array(&json);
  return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Looks at every archived row again. *live: what each file's rows are now (TarnTableState, NULL: there are none), by place. */
static gboolean read_live(Writing *writing, TarnArchiveLayer layer, const GPtrArray *files, GPtrArray *live,
                          GError **error) {
  const TarnArchiveShape *shape = &writing->shapes[layer];
  g_autofree char *list = list_files(files);
  g_autofree char *sql = tarn_sql_fill(tarn_sql_archive_live, "table", shape->table, "filter", shape->filter, "number",
                                       shape->number, "time", shape->time, "arguments", shape->arguments, NULL);
  const TarnValue value = tarn_value_text(list);
  g_autoptr(TarnResult) rows = tarn_conn_query(writing->conn, sql, &value, 1, error);
  if (!rows) return FALSE;
  g_ptr_array_set_size(live, (gint)files->len);
  for (guint64 row = 0; row < tarn_result_rows(rows); row++) {
    TarnTableState *state = g_new0(TarnTableState, 1);
    state->rows = tarn_result_int(rows, row, 1);
    state->content_hash = tarn_result_text(rows, row, 2);
    live->pdata[tarn_result_int(rows, row, 0)] = state;
  }
  return TRUE;
}

/* Are the file's rows still those of the published file? A hash of another DuckDB says nothing; then the count does, and the hash is renewed. */
static gboolean is_current(const Writing *writing, TarnArchiveFile *file, const TarnTableState *live) {
  if (!live || live->rows != file->rows) return FALSE;
  if (g_str_equal(live->content_hash, file->row_hash)) return TRUE;
  if (g_str_equal(writing->folder.newest->duckdb_version, tarn_duckdb_version())) return FALSE;
  g_free(file->row_hash);
  file->row_hash = g_strdup(live->content_hash);
  return TRUE;
}

/* Keeps a file, or writes what is in its place now. */
static gboolean keep_file(Writing *writing, const TarnArchiveFile *file, gboolean current, GError **error) {
  TarnArchiveFile *copy = tarn_archive_file_copy(file);
  gboolean there = is_on_disk(writing, file);
  if (current && there) {
    g_ptr_array_add(writing->now->files, copy);
    return TRUE;
  }
  tarn_archive_file_free(copy);
  if (current)
    writing->report->files_repaired++;
  else
    writing->report->files_retired++;
  return write_range(writing, file->layer, file->first, file->last, error);
}

static void free_state(gpointer data) { tarn_table_state_free(data); }

/* Files of before that are still right go into the new manifest as they are. Only where a count, a rollback or another DuckDB gives reason
 * to is every row looked at. */
static gboolean keep_files(Writing *writing, TarnArchiveLayer layer, GError **error) {
  g_autoptr(GPtrArray) files = files_before(writing, layer);
  g_autoptr(GPtrArray) live = g_ptr_array_new_with_free_func(free_state);
  gint64 rows;
  if (files->len == 0) return TRUE;
  if (!count_archived(writing, layer, &rows, error)) return FALSE;
  gboolean doubted = writing->doubted || rows != tarn_archive_manifest_rows(writing->folder.newest, layer) ||
                     !g_str_equal(writing->folder.newest->duckdb_version, tarn_duckdb_version());
  if (doubted && !read_live(writing, layer, files, live, error)) return FALSE;
  for (guint i = 0; i < files->len; i++) {
    TarnArchiveFile *file = files->pdata[i];
    if (!keep_file(writing, file, !doubted || is_current(writing, file, live->pdata[i]), error)) return FALSE;
  }
  return TRUE;
}

/* Why nothing of a layer can be kept; NULL: it can. */
static const char *reason_to_begin_anew(const Writing *writing, TarnArchiveLayer layer) {
  const TarnArchiveManifest *before = writing->folder.newest;
  if (g_strcmp0(before->numbering, writing->now->numbering) != 0) return "the lakehouse was rebuilt from its source";
  gboolean same =
      g_strv_equal((const char *const *)before->columns[layer], (const char *const *)writing->now->columns[layer]);
  return same ? NULL : "its columns changed";
}

static gboolean write_layer(Writing *writing, TarnArchiveLayer layer, GError **error) {
  const TarnArchiveManifest *before = writing->folder.newest;
  const char *anew = before ? reason_to_begin_anew(writing, layer) : NULL;
  if (anew)
    g_ptr_array_add(writing->report->warnings,
                    g_strdup_printf("%s is archived anew: %s", tarn_archive_layer_names[layer], anew));
  gboolean keep = before && !anew;
  if (keep && !keep_files(writing, layer, error)) return FALSE;
  return write_range(writing, layer, keep ? before->next[layer] : 0, writing->now->next[layer] - 1, error);
}

static gint by_layer_and_first(gconstpointer a, gconstpointer b) {
  const TarnArchiveFile *left = *(TarnArchiveFile *const *)a, *right = *(TarnArchiveFile *const *)b;
  if (left->layer != right->layer) return left->layer < right->layer ? -1 : 1;
  return left->first < right->first ? -1 : left->first > right->first ? 1 : strcmp(left->path, right->path);
}

/* Removes from one folder the data files that neither the new manifest nor the one before it names. */
static void sweep_folder(const char *archive, const char *relative, GHashTable *named) {
  g_autofree char *folder = g_build_filename(archive, relative, NULL);
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *path = g_strconcat(relative, "/", name, NULL);
    g_autofree char *full = g_build_filename(folder, name, NULL);
    if (g_str_has_suffix(name, ".parquet") && !g_hash_table_contains(named, path)) unlink(full);
  }
  tarn_archive_remove_temporary(folder);
}

static void name_files(const TarnArchiveManifest *manifest, GHashTable *named) {
  for (guint i = 0; manifest && i < manifest->files->len; i++)
    g_hash_table_add(named, ((TarnArchiveFile *)manifest->files->pdata[i])->path);
}

static void sweep_manifests(const Writing *writing) {
  const TarnArchiveManifest *before = writing->folder.newest;
  gint64 oldest = before ? before->number : writing->now->number;
  for (gint64 number = writing->folder.highest; number > 0 && number >= oldest - 2; number--) {
    g_autofree char *name = tarn_archive_manifest_name(number);
    g_autofree char *path = g_build_filename(writing->options->folder, name, NULL);
    if (number != oldest) unlink(path);
  }
}

/* What is left of crashes and of older states goes once the new manifest is on the disk; what cannot be removed costs space only. */
static void sweep(const Writing *writing) {
  g_autoptr(GHashTable) named = g_hash_table_new(g_str_hash, g_str_equal);
  name_files(writing->now, named);
  name_files(writing->folder.newest, named);
  for (guint i = 0; i < TARN_ARCHIVE_N_LAYERS; i++) {
    g_autofree char *layer = g_build_filename(writing->options->folder, tarn_archive_layer_names[i], NULL);
    g_autoptr(GDir) dir = g_dir_open(layer, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
      g_autofree char *relative = g_strconcat(tarn_archive_layer_names[i], "/", name, NULL);
      if (g_str_has_prefix(name, "day=")) sweep_folder(writing->options->folder, relative, named);
    }
  }
  sweep_manifests(writing);
}

static gboolean is_unchanged(const Writing *writing) {
  const TarnArchiveManifest *before = writing->folder.newest;
  if (!before || before->generation != writing->now->generation || before->number != writing->folder.highest)
    return FALSE;
  for (guint i = 0; i < before->files->len; i++)
    if (!is_on_disk(writing, before->files->pdata[i])) return FALSE;
  return TRUE;
}

void tarn_archive_report_fill(const TarnArchiveManifest *manifest, TarnArchiveReport *report) {
  report->number = manifest->number;
  report->generation = manifest->generation;
  report->files = manifest->files->len;
  for (guint i = 0; i < manifest->files->len; i++)
    report->bytes += ((TarnArchiveFile *)manifest->files->pdata[i])->bytes;
  for (guint i = 0; i < TARN_ARCHIVE_N_LAYERS; i++) report->rows[i] = tarn_archive_manifest_rows(manifest, i);
}

static gboolean prepare(Writing *writing, GError **error) {
  const char *folder = writing->options->folder;
  if (!open_database(writing, error) || !take_lock(writing, error) ||
      !tarn_archive_folder_read(folder, &writing->folder, error) || !describe(writing, error) ||
      !check_lineage(writing, error))
    return FALSE;
  for (guint i = 0; i < writing->folder.damaged->len; i++)
    g_ptr_array_add(writing->report->warnings, g_strdup_printf("%s is damaged; the manifest before it counts",
                                                               (char *)writing->folder.damaged->pdata[i]));
  tarn_archive_remove_temporary(folder);
  return TRUE;
}

gboolean tarn_archive_write(const TarnArchiveOptions *options, TarnArchiveReport *report, GError **error) {
  g_auto(Writing) writing = {.options = options, .report = report, .lock = -1};
  if (!prepare(&writing, error)) return FALSE;
  if (is_unchanged(&writing)) {
    report->unchanged = TRUE;
    tarn_archive_report_fill(writing.folder.newest, report);
    return TRUE;
  }
  for (guint i = 0; i < TARN_ARCHIVE_N_LAYERS; i++)
    if (!write_layer(&writing, i, error)) return FALSE;
  g_ptr_array_sort(writing.now->files, by_layer_and_first);
  if (!tarn_archive_manifest_write(options->folder, writing.now, error) ||
      !tarn_fault_point("archive.manifested", error))
    return FALSE;
  sweep(&writing);
  tarn_archive_report_fill(writing.now, report);
  return TRUE;
}
