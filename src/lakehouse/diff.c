#include "lakehouse/diff.h"

#include "base/budget.h"
#include "lakehouse/sql.h"

static gboolean attach(TarnConn *conn, const char *path, const char *name, GError **error) {
  g_autofree char *file = tarn_sql_quote_literal(path);
  g_autofree char *sql = g_strdup_printf("ATTACH %s AS %s (READ_ONLY)", file, name);
  return tarn_conn_exec(conn, sql, error);
}

static gboolean count_rows(TarnConn *conn, const char *file, const char *column, const char *table, GError **error) {
  const TarnValue value = tarn_value_text(table);
  g_autofree char *name = tarn_sql_quote_identifier(table);
  g_autofree char *sql = tarn_sql_fill(tarn_sql_diff_count, "file", file, "column", column, "table", name, NULL);
  return tarn_conn_run(conn, sql, &value, 1, NULL, error);
}

static gboolean count_tables(TarnConn *conn, GError **error) {
  g_autoptr(TarnResult) tables =
      tarn_conn_query(conn, "SELECT \"table\", from_rows, to_rows FROM diff_tables", NULL, 0, error);
  if (!tables) return FALSE;
  for (guint64 row = 0; row < tarn_result_rows(tables); row++) {
    g_autofree char *name = tarn_result_text(tables, row, 0);
    if (!tarn_result_is_null(tables, row, 1) && !count_rows(conn, "a", "from_rows", name, error)) return FALSE;
    if (!tarn_result_is_null(tables, row, 2) && !count_rows(conn, "b", "to_rows", name, error)) return FALSE;
  }
  return TRUE;
}

static void append_part(GString *out, const char *separator, const char *format, const char *column) {
  g_autofree char *name = tarn_sql_quote_identifier(column), *text = tarn_sql_quote_literal(column);
  g_autofree char *part = tarn_sql_fill(format, "column", name, "name", text, NULL);
  g_string_append_printf(out, "%s%s", out->len ? separator : "", part);
}

/* The statement that finds the changed rows of one table. */
static char *rows_sql(const char *table, const TarnResult *columns) {
  g_autoptr(GString) keys = g_string_new(NULL), same_key = g_string_new(NULL), differing = g_string_new(NULL);
  for (guint64 row = 0; row < tarn_result_rows(columns); row++) {
    g_autofree char *name = tarn_result_text(columns, row, 0);
    append_part(differing, ", ", "CASE WHEN x.{column} IS DISTINCT FROM y.{column} THEN {name} END", name);
    if (!tarn_result_int(columns, row, 1)) continue;
    append_part(keys, ", ", "coalesce(x.{column}, y.{column})::VARCHAR", name);
    append_part(same_key, " AND ", "x.{column} IS NOT DISTINCT FROM y.{column}", name);
  }
  g_autofree char *quoted = tarn_sql_quote_identifier(table);
  return tarn_sql_fill(tarn_sql_diff_rows, "table", quoted, "keys", keys->str, "same_key", same_key->str, "differing",
                       differing->str, NULL);
}

static gboolean compare_rows(TarnConn *conn, const char *table, gint64 limit, GError **error) {
  const TarnValue values[] = {tarn_value_text(table), tarn_value_int(limit)};
  g_autoptr(TarnResult) columns = tarn_conn_query(conn, tarn_sql_diff_shared_columns, values, 1, error);
  if (!columns) return FALSE;
  g_autofree char *sql = rows_sql(table, columns);
  return tarn_conn_exec(conn, sql, error) && tarn_conn_run(conn, tarn_sql_diff_rows_count, values, 1, NULL, error) &&
         tarn_conn_run(conn, tarn_sql_diff_rows_list, values, 2, NULL, error);
}

static gboolean compare_gold(TarnConn *conn, gint64 limit, GError **error) {
  g_autoptr(TarnResult) tables =
      tarn_conn_query(conn, "SELECT \"table\" FROM diff_keys JOIN diff_tables USING (\"table\") WHERE NOT same_content",
                      NULL, 0, error);
  if (!tables) return FALSE;
  for (guint64 row = 0; row < tarn_result_rows(tables); row++) {
    g_autofree char *name = tarn_result_text(tables, row, 0);
    if (!compare_rows(conn, name, limit, error)) return FALSE;
  }
  return TRUE;
}

static gboolean compare(TarnDiff *diff, const char *from_path, const char *to_path, gint64 limit, GError **error) {
  TarnBudget budget;
  if (!tarn_budget_read(&budget, error)) return FALSE;
  const TarnDbOptions options = {
      .memory_bytes = budget.engine_bytes, .threads = budget.threads, .external_access = TRUE};
  diff->db = tarn_db_open(NULL, &options, error);
  diff->conn = diff->db ? tarn_db_connect(diff->db, error) : NULL;
  TarnConn *conn = diff->conn;
  return conn && attach(conn, from_path, "a", error) && attach(conn, to_path, "b", error) &&
         tarn_conn_query_int(conn, "SELECT max(generation) FROM a.tarn.generations", NULL, 0, &diff->from, error) &&
         tarn_conn_query_int(conn, "SELECT max(generation) FROM b.tarn.generations", NULL, 0, &diff->to, error) &&
         tarn_conn_exec(conn, tarn_sql_diff_create, error) && count_tables(conn, error) &&
         compare_gold(conn, limit, error);
}

gboolean tarn_diff_open(TarnDiff *diff, const char *from_path, const char *to_path, gint64 limit, GError **error) {
  *diff = (TarnDiff){0};
  if (compare(diff, from_path, to_path, limit, error)) return TRUE;
  tarn_diff_clear(diff);
  return FALSE;
}

void tarn_diff_clear(TarnDiff *diff) {
  tarn_conn_close(diff->conn);
  tarn_db_close(diff->db);
  *diff = (TarnDiff){0};
}
