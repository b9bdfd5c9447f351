#include "lakehouse/parquet.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "lakehouse/rows.h"
#include "lakehouse/sql.h"
#include "lakehouse/statement_private.h"

/* What a cast to Parquet's types does to a type. */
typedef enum {
  KEPT,
  CHANGED,
  NAMELESS /* it is changed, but SQL has no name for what it becomes */
} Fate;

static const struct {
  duckdb_type type;
  const char *name; /* in SQL */
  Fate fate;
} scalars[] = {
    {DUCKDB_TYPE_BOOLEAN, "BOOLEAN", KEPT},
    {DUCKDB_TYPE_TINYINT, "TINYINT", KEPT},
    {DUCKDB_TYPE_SMALLINT, "SMALLINT", KEPT},
    {DUCKDB_TYPE_INTEGER, "INTEGER", KEPT},
    {DUCKDB_TYPE_BIGINT, "BIGINT", KEPT},
    {DUCKDB_TYPE_UTINYINT, "UTINYINT", KEPT},
    {DUCKDB_TYPE_USMALLINT, "USMALLINT", KEPT},
    {DUCKDB_TYPE_UINTEGER, "UINTEGER", KEPT},
    {DUCKDB_TYPE_UBIGINT, "UBIGINT", KEPT},
    {DUCKDB_TYPE_HUGEINT, "VARCHAR", CHANGED},
    {DUCKDB_TYPE_UHUGEINT, "VARCHAR", CHANGED},
    {DUCKDB_TYPE_BIGNUM, "VARCHAR", CHANGED},
    {DUCKDB_TYPE_FLOAT, "FLOAT", KEPT},
    {DUCKDB_TYPE_DOUBLE, "DOUBLE", KEPT},
    {DUCKDB_TYPE_DATE, "DATE", KEPT},
    {DUCKDB_TYPE_TIME, "TIME", KEPT},
    {DUCKDB_TYPE_TIME_NS, "TIME_NS", KEPT},
    {DUCKDB_TYPE_TIME_TZ, "VARCHAR", CHANGED},
    {DUCKDB_TYPE_TIMESTAMP, "TIMESTAMP", KEPT},
    {DUCKDB_TYPE_TIMESTAMP_S, "TIMESTAMP", CHANGED},
    {DUCKDB_TYPE_TIMESTAMP_MS, "TIMESTAMP", CHANGED},
    {DUCKDB_TYPE_TIMESTAMP_NS, "TIMESTAMP_NS", KEPT},
    {DUCKDB_TYPE_TIMESTAMP_TZ, "TIMESTAMPTZ", KEPT},
    {DUCKDB_TYPE_INTERVAL, "VARCHAR", CHANGED},
    {DUCKDB_TYPE_UUID, "UUID", KEPT},
    {DUCKDB_TYPE_ENUM, "VARCHAR", CHANGED},
    {DUCKDB_TYPE_BLOB, "BLOB", KEPT},
    {DUCKDB_TYPE_BIT, "VARCHAR", CHANGED},
    {DUCKDB_TYPE_UNION, "JSON", CHANGED},
};

static Fate append_type(duckdb_logical_type type, GString *out);

static Fate append_child(duckdb_logical_type child, GString *out) {
  Fate fate = append_type(child, out);
  duckdb_destroy_logical_type(&child);
  return fate;
}

static Fate append_struct(duckdb_logical_type type, GString *out) {
  Fate worst = KEPT;
  g_string_append(out, "STRUCT(");
  for (idx_t i = 0; i < duckdb_struct_type_child_count(type); i++) {
    char *name = duckdb_struct_type_child_name(type, i);
    gboolean nameless = name[0] == '\0';
    g_autofree char *quoted = tarn_sql_quote_identifier(name);
    duckdb_free(name);
    g_string_append_printf(out, "%s%s ", i > 0 ? ", " : "", quoted);
    Fate fate = append_child(duckdb_struct_type_child_type(type, i), out);
    worst = MAX(worst, nameless && fate == CHANGED ? NAMELESS : fate);
  }
  g_string_append_c(out, ')');
  return worst;
}

static Fate append_map(duckdb_logical_type type, GString *out) {
  g_string_append(out, "MAP(");
  Fate key = append_child(duckdb_map_type_key_type(type), out);
  g_string_append(out, ", ");
  Fate value = append_child(duckdb_map_type_value_type(type), out);
  g_string_append_c(out, ')');
  return MAX(key, value);
}

static Fate append_scalar(duckdb_logical_type type, GString *out) {
  duckdb_type id = duckdb_get_type_id(type);
  char *alias = duckdb_logical_type_get_alias(type);
  g_autofree char *name = g_strdup(alias);
  duckdb_free(alias);
  for (gsize i = 0; i < G_N_ELEMENTS(scalars); i++) {
    if (scalars[i].type != id) continue;
    g_string_append(out, scalars[i].name);
    return scalars[i].fate;
  }
  if (id == DUCKDB_TYPE_DECIMAL)
    g_string_append_printf(out, "DECIMAL(%u, %u)", duckdb_decimal_width(type), duckdb_decimal_scale(type));
  else
    g_string_append(out, name ? name : "VARCHAR");
  return KEPT;
}

static Fate append_type(duckdb_logical_type type, GString *out) {
  Fate fate;
  switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_STRUCT:
      return append_struct(type, out);
    case DUCKDB_TYPE_MAP:
      return append_map(type, out);
    case DUCKDB_TYPE_LIST:
      fate = append_child(duckdb_list_type_child_type(type), out);
      break;
    case DUCKDB_TYPE_ARRAY:
      fate = append_child(duckdb_array_type_child_type(type), out);
      break;
    default:
      return append_scalar(type, out);
  }
  g_string_append(out, "[]");
  return fate;
}

/* c0 AS "name", or CAST(c0 AS ...) AS "name". */
static void append_column(TarnResult *rows, guint i, const char *name, GString *columns) {
  g_autoptr(GString) type_name = g_string_new(NULL);
  duckdb_logical_type type = duckdb_column_logical_type(&rows->result, i);
  Fate fate = append_type(type, type_name);
  duckdb_destroy_logical_type(&type);
  g_autofree char *quoted = tarn_sql_quote_identifier(name);
  if (i > 0) g_string_append(columns, ", ");
  if (fate == KEPT)
    g_string_append_printf(columns, "c%u AS %s", i, quoted);
  else
    g_string_append_printf(columns, "CAST(c%u AS %s) AS %s", i, fate == NAMELESS ? "JSON" : type_name->str, quoted);
}

static GStrv column_names(const TarnResult *rows) {
  guint n = tarn_result_columns(rows);
  GStrv names = g_new0(char *, n + 1);
  for (guint i = 0; i < n; i++) names[i] = g_strdup(tarn_result_column_name(rows, i));
  tarn_rows_tell_apart(names);
  return names;
}

/* Without what may stand behind a statement, as it becomes a subquery. */
static char *trim(const char *sql) {
  char *text = g_strchomp(g_strdup(sql));
  while (g_str_has_suffix(text, ";")) {
    text[strlen(text) - 1] = '\0';
    g_strchomp(text);
  }
  return text;
}

static TarnStatement *prepare(TarnConn *conn, const char *sql, TarnParquetBind bind, gconstpointer user,
                              GError **error) {
  g_autoptr(TarnStatement) statement = tarn_statement_prepare(conn, sql, error);
  return statement && (!bind || bind(user, statement, error)) ? g_steal_pointer(&statement) : NULL;
}

/* The query's columns: known for sure when its parameters are. */
static TarnResult *describe(TarnConn *conn, const char *query, TarnParquetBind bind, gconstpointer user,
                            GError **error) {
  g_autofree char *sql = tarn_sql_fill(tarn_sql_parquet_columns, "query", query, NULL);
  g_autoptr(TarnStatement) statement = prepare(conn, sql, bind, user, error);
  return statement ? tarn_statement_query(statement, error) : NULL;
}

TarnStatement *tarn_parquet_prepare(TarnConn *conn, const char *sql, TarnParquetBind bind, gconstpointer user,
                                    const char *path, guint64 max_rows, GError **error) {
  g_autofree char *query = trim(sql), *target = tarn_sql_quote_literal(path);
  g_autoptr(TarnResult) rows = describe(conn, query, bind, user, error);
  if (!rows) return NULL;
  g_auto(GStrv) names = column_names(rows);
  g_autoptr(GString) columns = g_string_new(NULL), aliases = g_string_new(NULL);
  for (guint i = 0; names[i]; i++) {
    append_column(rows, i, names[i], columns);
    g_string_append_printf(aliases, "%sc%u", i > 0 ? ", " : "", i);
  }
  g_autofree char *limit = max_rows ? g_strdup_printf("LIMIT %" G_GUINT64_FORMAT, max_rows) : g_strdup("");
  g_autofree char *copy = tarn_sql_fill(tarn_sql_parquet_copy, "columns", columns->str, "query", query, "aliases",
                                        aliases->str, "limit", limit, "path", target, NULL);
  return prepare(conn, copy, bind, user, error);
}

static gboolean is_too_long(const char *path, guint64 max_bytes) {
  GStatBuf file;
  return max_bytes > 0 && g_stat(path, &file) == 0 && (guint64)file.st_size > max_bytes;
}

static gboolean refuse_length(guint64 max_bytes, GError **error) {
  tarn_error_set(error, TARN_ERROR_USAGE, "ask for fewer rows or columns, or for CSV or NDJSON, which are not bounded",
                 "the file would be longer than %" G_GUINT64_FORMAT " bytes", max_bytes);
  return FALSE;
}

/* One step of the engine after the other, so that the file can be looked at between two. */
static gboolean run(TarnStatement *statement, duckdb_pending_result pending, const char *path, guint64 max_bytes,
                    guint64 *rows, GError **error) {
  duckdb_pending_state state;
  while (!duckdb_pending_execution_is_finished(state = duckdb_pending_execute_task(pending)))
    if (is_too_long(path, max_bytes)) return refuse_length(max_bytes, error);
  duckdb_result result = {0};
  gboolean ok = state != DUCKDB_PENDING_ERROR && duckdb_execute_pending(pending, &result) == DuckDBSuccess;
  const char *message = state == DUCKDB_PENDING_ERROR ? duckdb_pending_error(pending) : duckdb_result_error(&result);
  if (!ok) tarn_db_set_sql_error(error, statement->sql, message);
  if (ok) *rows = duckdb_rows_changed(&result);
  duckdb_destroy_result(&result);
  if (ok && is_too_long(path, max_bytes)) return refuse_length(max_bytes, error);
  return ok;
}

gboolean tarn_parquet_write(TarnStatement *statement, const char *path, guint64 max_bytes, guint64 *rows,
                            GError **error) {
  duckdb_pending_result pending = NULL;
  gboolean ok = duckdb_pending_prepared(statement->prepared, &pending) == DuckDBSuccess;
  if (ok)
    ok = run(statement, pending, path, max_bytes, rows, error);
  else
    tarn_db_set_sql_error(error, statement->sql, duckdb_pending_error(pending));
  duckdb_destroy_pending(&pending);
  return ok;
}
