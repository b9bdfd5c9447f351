#include "pipeline/archive_shape.h"

#include "base/error.h"
#include "lakehouse/sql.h"

static gboolean is_score(const char *column) {
  return g_str_equal(column, "quality_score") || g_str_equal(column, "quality_reasons");
}

/* The table's columns: those that count, and the others. */
static gboolean split_columns(TarnConn *conn, const char *schema, const char *table, const GStrv only, GStrv *counted,
                              GStrv *excluded, GError **error) {
  const TarnValue values[] = {tarn_value_text(schema), tarn_value_text(table)};
  g_autoptr(TarnResult) columns = tarn_conn_query(conn, tarn_sql_table_columns, values, 2, error);
  if (!columns) return FALSE;
  g_autoptr(GStrvBuilder) in = g_strv_builder_new(), out = g_strv_builder_new();
  for (guint64 row = 0; row < tarn_result_rows(columns); row++) {
    g_autofree char *name = tarn_result_text(columns, row, 0);
    gboolean counts = !is_score(name) && (!only || g_strv_contains((const char *const *)only, name));
    g_strv_builder_add(counts ? in : out, name);
  }
  *counted = g_strv_builder_end(in);
  *excluded = g_strv_builder_end(out);
  return TRUE;
}

gboolean tarn_archive_shape_init(TarnArchiveShape *shape, TarnArchiveLayer layer, const TarnProject *project,
                                 TarnConn *conn, const GStrv only, GError **error) {
  gboolean bronze = layer == TARN_ARCHIVE_BRONZE;
  const char *name = bronze ? project->config.bronze_table : "quarantine";
  g_auto(GStrv) excluded = NULL;
  *shape = (TarnArchiveShape){.number = bronze ? "seq" : "id",
                              .time = bronze ? "ingested_at" : "quarantined_at",
                              .filter = bronze ? "TRUE" : "layer = 'bronze'"};
  shape->table = bronze ? tarn_sql_quote_identifier(name) : g_strdup("tarn.quarantine");
  if (!split_columns(conn, bronze ? "main" : "tarn", name, only, &shape->columns, &excluded, error)) return FALSE;
  const TarnTableScope scope = {.table = bronze ? name : "tarn.quarantine",
                                .layer = bronze ? "bronze" : "system",
                                .excluded = (const char *const *)excluded};
  shape->arguments = tarn_table_hash_arguments(conn, &scope, error);
  return shape->arguments != NULL;
}

void tarn_archive_shape_clear(TarnArchiveShape *shape) {
  g_clear_pointer(&shape->table, g_free);
  g_clear_pointer(&shape->columns, g_strfreev);
  g_clear_pointer(&shape->arguments, g_free);
}
