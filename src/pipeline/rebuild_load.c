#include <jansson.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/json_writer.h"
#include "lakehouse/ast.h"
#include "lakehouse/sql.h"
#include "lakehouse/system.h"
#include "pipeline/archive_private.h"
#include "pipeline/archive_shape.h"
#include "pipeline/rebuild_private.h"

#define FILES_AT_ONCE 200 /* in one statement */

static gint64 member_int(const json_t *object, const char *key) {
  return json_integer_value(json_object_get(object, key));
}

/* What goes with a file that cannot be read. */
static void lose_file(TarnRebuild *rebuild, const TarnArchiveFile *file, const char *what) {
  g_autoptr(json_t) parts = json_loads(file->parts, 0, NULL);
  g_autofree char *why = g_strdup_printf("archive file %s %s", file->path, what);
  for (size_t i = 0; i < json_array_size(parts); i++) {
    const json_t *part = json_array_get(parts, i);
    const char *name = json_string_value(json_object_get(part, "source_name"));
    const TarnLoss loss = {.source_name = (char *)(name ? name : ""),
                           .partition = member_int(part, "source_partition"),
                           .first_offset = member_int(part, "first_offset"),
                           .last_offset = member_int(part, "last_offset"),
                           .records = member_int(part, "rows"),
                           .why = why};
    tarn_rebuild_add_loss(rebuild, &loss);
  }
  rebuild->damaged = TRUE;
}

/* The files of a layer that are whole (borrowed); the others are losses. */
static GPtrArray *whole_files(TarnRebuild *rebuild, TarnArchiveLayer layer) {
  const TarnArchiveManifest *manifest = rebuild->archive.newest;
  GPtrArray *files = g_ptr_array_new();
  for (guint i = 0; i < manifest->files->len; i++) {
    TarnArchiveFile *file = manifest->files->pdata[i];
    if (file->layer != layer) continue;
    g_autofree char *fault = tarn_archive_file_fault(rebuild->options->archive, file);
    if (fault)
      lose_file(rebuild, file, fault);
    else
      g_ptr_array_add(files, file);
  }
  return files;
}

static char *list_paths(const char *folder, const GPtrArray *files, guint from, guint to) {
  g_autoptr(GString) list = g_string_new(NULL);
  for (guint i = from; i < to; i++) {
    const TarnArchiveFile *file = files->pdata[i];
    g_autofree char *path = g_build_filename(folder, file->path, NULL);
    g_autofree char *literal = tarn_sql_quote_literal(path);
    g_string_append_printf(list, "%s%s", i > from ? ", " : "", literal);
  }
  return g_string_free(g_steal_pointer(&list), FALSE);
}

static gboolean load_files(TarnRun *run, const TarnArchiveShape *shape, const GPtrArray *files, GError **error) {
  for (guint from = 0; from < files->len; from += FILES_AT_ONCE) {
    g_autofree char *list =
        list_paths(run->options->rebuild->options->archive, files, from, MIN(from + FILES_AT_ONCE, files->len));
    g_autofree char *sql = tarn_sql_fill(tarn_sql_rebuild_load, "table", shape->table, "files", list, NULL);
    if (!tarn_conn_exec(run->conn, sql, error)) return FALSE;
  }
  return TRUE;
}

static char *sum_hashes(TarnConn *conn, const GPtrArray *files, GError **error) {
  g_autoptr(GString) list = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, list);
  tarn_json_begin_array(&json);
  for (guint i = 0; i < files->len; i++) tarn_json_string(&json, ((TarnArchiveFile *)files->pdata[i])->row_hash);
  tarn_json_end_array(&json);
  const TarnValue value = tarn_value_text(list->str);
  return tarn_archive_query_text(conn, tarn_sql_rebuild_sum, &value, 1, error);
}

/* The loaded rows must be those that the files were written from. */
static gboolean check_loaded(TarnRun *run, const TarnArchiveShape *shape, const GPtrArray *files, gint64 *rows,
                             GError **error) {
  g_autofree char *sql = tarn_sql_fill(tarn_sql_rebuild_rows, "arguments", shape->arguments, "table", shape->table,
                                       "filter", shape->filter, NULL);
  g_autoptr(TarnResult) loaded = tarn_conn_query(run->conn, sql, NULL, 0, error);
  g_autofree char *expected = loaded ? sum_hashes(run->conn, files, error) : NULL;
  if (!expected) return FALSE;
  gint64 expected_rows = 0;
  for (guint i = 0; i < files->len; i++) expected_rows += ((TarnArchiveFile *)files->pdata[i])->rows;
  g_autofree char *hash = tarn_result_text(loaded, 0, 1);
  *rows = tarn_result_int(loaded, 0, 0);
  gboolean same_engine = g_str_equal(run->options->rebuild->archive.newest->duckdb_version, tarn_duckdb_version());
  if (*rows == expected_rows && (!same_engine || g_str_equal(hash, expected))) return TRUE;
  tarn_error_set(error, TARN_ERROR_AUDIT, "report this as a bug; nothing was published",
                 "%s holds %" G_GINT64_FORMAT " rows out of the archive that are not the %" G_GINT64_FORMAT
                 " that were archived",
                 shape->table, *rows, expected_rows);
  return FALSE;
}

static gboolean load_layer(TarnRun *run, TarnArchiveLayer layer, GError **error) {
  TarnRebuild *rebuild = run->options->rebuild;
  g_auto(TarnArchiveShape) shape = {0};
  if (!tarn_archive_shape_init(&shape, layer, run->options->project, run->conn, rebuild->archive.newest->columns[layer],
                               error))
    return FALSE;
  g_autoptr(GPtrArray) files = whole_files(rebuild, layer);
  return tarn_rebuild_check_losses(run, error) && load_files(run, &shape, files, error) &&
         check_loaded(run, &shape, files, &rebuild->report->restored[layer], error);
}

static gboolean set_counter(TarnConn *conn, const char *key, gint64 value, GError **error) {
  g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, value);
  return tarn_system_set(conn, key, text, error);
}

gboolean tarn_rebuild_set_rows(TarnRun *run, const char *table, const char *document, GError **error) {
  const TarnValue name = tarn_value_text(table);
  g_autofree char *structure = tarn_archive_query_text(run->conn, tarn_sql_rebuild_structure, &name, 1, error);
  if (!structure) return FALSE;
  g_autofree char *identifier = tarn_sql_quote_identifier(table);
  g_autofree char *literal = tarn_sql_quote_literal(structure), *rows = tarn_sql_quote_literal(document);
  g_autofree char *sql =
      tarn_sql_fill(tarn_sql_rebuild_document, "table", identifier, "document", rows, "structure", literal, NULL);
  return tarn_conn_exec(run->conn, sql, error);
}

/* Scores in the files are of the rules of their time. */
static gboolean scores_are_of_today(const TarnRebuild *rebuild) {
  const TarnArchiveManifest *manifest = rebuild->archive.newest;
  const char *rules = g_hash_table_lookup(manifest->objects, "quality rules");
  if (rebuild->since->rescore) return FALSE;
  for (guint i = 0; i < manifest->files->len; i++) {
    const TarnArchiveFile *file = manifest->files->pdata[i];
    if (file->layer == TARN_ARCHIVE_BRONZE && g_strcmp0(file->rules, rules) != 0) return FALSE;
  }
  return TRUE;
}

static gboolean load(TarnRun *run, gpointer argument, gint64 *rows, GError **error) {
  (void)argument;
  TarnRebuild *rebuild = run->options->rebuild;
  const TarnArchiveManifest *manifest = rebuild->archive.newest;
  for (guint i = 0; i < TARN_ARCHIVE_N_LAYERS; i++)
    if (!load_layer(run, i, error)) return FALSE;
  rebuild->report->archive_number = manifest->number;
  *rows = rebuild->report->restored[0] + rebuild->report->restored[1];
  run->next_quarantine_id = manifest->next[TARN_ARCHIVE_QUARANTINE];
  run->report->run_counts.bronze = rebuild->report->restored[0];
  return set_counter(run->conn, "next_seq", manifest->next[TARN_ARCHIVE_BRONZE], error) &&
         set_counter(run->conn, "next_quarantine_id", run->next_quarantine_id, error) &&
         set_counter(run->conn, "received", *rows, error) &&
         tarn_system_set(run->conn, TARN_NUMBERING_KEY, manifest->numbering, error) &&
         tarn_rebuild_set_rows(run, "positions", manifest->positions, error) &&
         tarn_rebuild_set_rows(run, "gaps", manifest->gaps, error) && tarn_conn_exec(run->conn, "CHECKPOINT", error) &&
         tarn_fault_point("rebuild.loaded", error);
}

gboolean tarn_rebuild_load(TarnRun *run, GError **error) {
  if (!tarn_run_step(run, "archive", load, NULL, error)) return FALSE;
  return scores_are_of_today(run->options->rebuild) || tarn_run_step(run, "rescore", tarn_stage_rescore, NULL, error);
}
