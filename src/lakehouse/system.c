#include "lakehouse/system.h"

#include "base/error.h"
#include "base/version.h"
#include "lakehouse/sql.h"

#define FORMAT_KEY "format"

/* The file's format, 0 where it has no Tarn schema. */
static gboolean read_format(TarnConn *conn, gint64 *format, GError **error) {
  gint64 tables;
  if (!tarn_conn_query_int(conn, tarn_sql_system_exists, NULL, 0, &tables, error)) return FALSE;
  *format = 0;
  if (tables == 0) return TRUE;
  const TarnValue key = tarn_value_text(FORMAT_KEY);
  return tarn_conn_query_int(conn, "SELECT max(value::BIGINT) FROM tarn.meta WHERE key = $1", &key, 1, format, error);
}

static gboolean refuse_newer(gint64 format, GError **error) {
  if (format <= TARN_FORMAT_VERSION) return TRUE;
  tarn_error_set(error, TARN_ERROR_ENVIRONMENT,
                 "upgrade tarn on this machine, or restore a kept generation that the older one wrote",
                 "the lakehouse file has format %" G_GINT64_FORMAT ", this tarn (%s) reads up to %d", format,
                 TARN_VERSION, TARN_FORMAT_VERSION);
  return FALSE;
}

gboolean tarn_system_install(TarnConn *conn, GError **error) {
  gint64 format;
  if (!read_format(conn, &format, error) || !refuse_newer(format, error)) return FALSE;
  if (!tarn_conn_exec(conn, tarn_sql_system_schema, error)) return FALSE;
  return format > 0 || tarn_system_set_format(conn, error);
}

gboolean tarn_system_is_older(TarnConn *conn, gboolean *older, GError **error) {
  gint64 format;
  if (!read_format(conn, &format, error)) return FALSE;
  *older = format > 0 && format < TARN_FORMAT_VERSION;
  return TRUE;
}

gboolean tarn_system_set_format(TarnConn *conn, GError **error) {
  return tarn_system_set(conn, FORMAT_KEY, G_STRINGIFY(TARN_FORMAT_VERSION), error);
}

gboolean tarn_system_check(TarnConn *conn, GError **error) {
  gint64 format;
  if (!read_format(conn, &format, error)) return FALSE;
  if (format > 0) return refuse_newer(format, error);
  tarn_error_set(error, TARN_ERROR_ENVIRONMENT, "check DB_PATH: it must name a file that `tarn run` makes",
                 "the file is a DuckDB database, but no Tarn lakehouse");
  return FALSE;
}

gboolean tarn_system_get(TarnConn *conn, const char *key, char **value, GError **error) {
  const TarnValue bound = tarn_value_text(key);
  g_autoptr(TarnResult) result = tarn_conn_query(conn, "SELECT value FROM tarn.meta WHERE key = $1", &bound, 1, error);
  if (!result) return FALSE;
  *value = tarn_result_rows(result) > 0 ? tarn_result_text(result, 0, 0) : NULL;
  return TRUE;
}

gboolean tarn_system_set(TarnConn *conn, const char *key, const char *value, GError **error) {
  const TarnValue values[] = {tarn_value_text(key), tarn_value_text(value)};
  if (!tarn_conn_run(conn, "DELETE FROM tarn.meta WHERE key = $1", values, 1, NULL, error)) return FALSE;
  return !value || tarn_conn_run(conn, "INSERT INTO tarn.meta VALUES ($1, $2)", values, 2, NULL, error);
}

gboolean tarn_system_generation(TarnConn *conn, gint64 *generation, GError **error) {
  return tarn_conn_query_int(conn, "SELECT max(generation) FROM tarn.generations", NULL, 0, generation, error);
}

gboolean tarn_system_add_generation(TarnConn *conn, const TarnGenerationRow *row, GError **error) {
  const TarnValue values[] = {
      tarn_value_int(row->generation),
      tarn_value_text(row->run_id),
      tarn_value_int(g_get_real_time()),
      row->rolled_back_from > 0 ? tarn_value_int(row->rolled_back_from) : tarn_value_null(),
      tarn_value_text(TARN_VERSION),
      tarn_value_text(tarn_duckdb_version()),
      tarn_value_text(row->project_digest),
      tarn_value_text(row->positions),
  };
  return tarn_conn_run(conn, tarn_sql_add_generation, values, G_N_ELEMENTS(values), NULL, error);
}

GHashTable *tarn_system_objects(TarnConn *conn, GError **error) {
  g_autoptr(TarnResult) result = tarn_conn_query(conn, "SELECT name, digest FROM tarn.objects", NULL, 0, error);
  if (!result) return NULL;
  GHashTable *objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  for (guint64 row = 0; row < tarn_result_rows(result); row++)
    g_hash_table_insert(objects, tarn_result_text(result, row, 0), tarn_result_text(result, row, 1));
  return objects;
}

gboolean tarn_system_set_object(TarnConn *conn, const char *name, const char *kind, const char *digest,
                                const char *definition, GError **error) {
  const TarnValue values[] = {tarn_value_text(name), tarn_value_text(kind), tarn_value_text(digest),
                              tarn_value_text(definition)};
  return tarn_system_remove_object(conn, name, error) &&
         tarn_conn_run(conn, "INSERT INTO tarn.objects VALUES ($1, $2, $3, $4)", values, 4, NULL, error);
}

gboolean tarn_system_remove_object(TarnConn *conn, const char *name, GError **error) {
  const TarnValue value = tarn_value_text(name);
  return tarn_conn_run(conn, "DELETE FROM tarn.objects WHERE name = $1", &value, 1, NULL, error);
}
