#include "base/error.h"
#include "base/version.h"
#include "lakehouse/sql.h"
#include "lakehouse/system.h"
#include "pipeline/archive_private.h"
#include "pipeline/archive_shape.h"

char *tarn_archive_query_text(TarnConn *conn, const char *sql, const TarnValue *values, guint n_values,
                              GError **error) {
  g_autoptr(TarnResult) result = tarn_conn_query(conn, sql, values, n_values, error);
  return result ? tarn_result_text(result, 0, 0) : NULL;
}

static gboolean describe_generation(TarnConn *conn, TarnArchiveManifest *now, GError **error) {
  g_autoptr(TarnResult) row = tarn_conn_query(conn, tarn_sql_archive_generation, NULL, 0, error);
  if (!row) return FALSE;
  if (tarn_result_rows(row) == 0) {
    tarn_error_set(error, TARN_ERROR_ENVIRONMENT, "run `tarn run` first", "the lakehouse file holds no generation");
    return FALSE;
  }
  now->generation = tarn_result_int(row, 0, 0);
  now->run_id = tarn_result_text(row, 0, 1);
  now->project_digest = tarn_result_text(row, 0, 2);
  now->published_us = tarn_result_int(row, 0, 3);
  now->received = tarn_result_int(row, 0, 4);
  now->next[TARN_ARCHIVE_BRONZE] = tarn_result_int(row, 0, 5);
  now->next[TARN_ARCHIVE_QUARANTINE] = tarn_result_int(row, 0, 6);
  return TRUE;
}

static gboolean describe_columns(TarnConn *conn, const TarnProject *project, TarnArchiveManifest *now, GError **error) {
  for (guint i = 0; i < TARN_ARCHIVE_N_LAYERS; i++) {
    g_auto(TarnArchiveShape) shape = {0};
    if (!tarn_archive_shape_init(&shape, i, project, conn, NULL, error)) return FALSE;
    now->columns[i] = g_steal_pointer(&shape.columns);
  }
  return TRUE;
}

/* A file that was published by an older tarn has no such table. */
static char *query_gaps(TarnConn *conn, GError **error) {
  gint64 tables;
  const char *count = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'tarn' AND table_name = 'gaps'";
  if (!tarn_conn_query_int(conn, count, NULL, 0, &tables, error)) return NULL;
  return tables ? tarn_archive_query_text(conn, tarn_sql_archive_gaps, NULL, 0, error) : g_strdup("[]");
}

gboolean tarn_archive_describe(TarnConn *conn, const TarnProject *project, TarnArchiveManifest *now, GError **error) {
  now->project = g_strdup(project->config.name);
  now->tarn_version = g_strdup(TARN_VERSION);
  now->duckdb_version = g_strdup(tarn_duckdb_version());
  now->written_us = g_get_real_time();
  if (!describe_generation(conn, now, error) || !describe_columns(conn, project, now, error) ||
      !tarn_system_get(conn, TARN_NUMBERING_KEY, &now->numbering, error))
    return FALSE;
  now->positions = tarn_archive_query_text(conn, tarn_sql_archive_positions, NULL, 0, error);
  now->gaps = now->positions ? query_gaps(conn, error) : NULL;
  g_hash_table_unref(now->objects);
  now->objects = now->gaps ? tarn_system_objects(conn, error) : NULL;
  g_ptr_array_unref(now->tables);
  now->tables = now->objects ? tarn_table_states_read(conn, now->generation, error) : NULL;
  if (now->tables) return TRUE;
  if (!now->objects) now->objects = g_hash_table_new(g_str_hash, g_str_equal);
  now->tables = g_ptr_array_new();
  return FALSE;
}
