#include "lakehouse/statement.h"

#include "lakehouse/statement_private.h"

TarnStatement *tarn_statement_prepare(TarnConn *conn, const char *sql, GError **error) {
  g_autoptr(TarnStatement) statement = g_new0(TarnStatement, 1);
  statement->sql = g_strdup(sql);
  if (duckdb_prepare(conn->connection, sql, &statement->prepared) == DuckDBSuccess) return g_steal_pointer(&statement);
  tarn_db_set_sql_error(error, sql, duckdb_prepare_error(statement->prepared));
  return NULL;
}

void tarn_statement_free(TarnStatement *statement) {
  if (!statement) return;
  duckdb_destroy_prepare(&statement->prepared);
  g_free(statement->sql);
  g_free(statement);
}

gboolean tarn_statement_is_query(const TarnStatement *statement) {
  duckdb_statement_type type = duckdb_prepared_statement_type(statement->prepared);
  return type == DUCKDB_STATEMENT_TYPE_SELECT || type == DUCKDB_STATEMENT_TYPE_EXPLAIN;
}

guint tarn_statement_n_parameters(const TarnStatement *statement) { return (guint)duckdb_nparams(statement->prepared); }

char *tarn_statement_parameter_name(const TarnStatement *statement, guint index) {
  const char *name = duckdb_parameter_name(statement->prepared, index);
  char *copy = g_strdup(name);
  duckdb_free((void *)name);
  return copy;
}

guint tarn_statement_parameter_index(const TarnStatement *statement, const char *name) {
  idx_t index = 0;
  return duckdb_bind_parameter_index(statement->prepared, &index, name) == DuckDBSuccess ? (guint)index : 0;
}

static duckdb_value make_value(const TarnValue *value) {
  switch (value->type) {
    case TARN_VALUE_BOOL:
      return duckdb_create_bool(value->boolean != FALSE);
    case TARN_VALUE_INT:
      return duckdb_create_int64(value->integer);
    case TARN_VALUE_DOUBLE:
      return duckdb_create_double(value->real);
    case TARN_VALUE_TEXT:
      return duckdb_create_varchar_length(value->bytes.data, value->bytes.size);
    case TARN_VALUE_BLOB:
      return duckdb_create_blob((const uint8_t *)value->bytes.data, value->bytes.size);
    case TARN_VALUE_DATE:
      return duckdb_create_date((duckdb_date){.days = (int32_t)value->integer});
    case TARN_VALUE_TIMESTAMP:
      return duckdb_create_timestamp((duckdb_timestamp){.micros = value->integer});
    case TARN_VALUE_NULL:
    case TARN_VALUE_LIST:
      break;
  }
  return NULL;
}

/* The items are of one type, so the first one's is the list's. */
static duckdb_state bind_list(duckdb_prepared_statement prepared, idx_t index, const TarnValue *list) {
  g_autofree duckdb_value *items = g_new0(duckdb_value, list->list.n);
  for (guint i = 0; i < list->list.n; i++) items[i] = make_value(&list->list.items[i]);
  duckdb_value value = duckdb_create_list_value(duckdb_get_value_type(items[0]), items, list->list.n);
  duckdb_state state = value ? duckdb_bind_value(prepared, index, value) : DuckDBError;
  duckdb_destroy_value(&value);
  for (guint i = 0; i < list->list.n; i++) duckdb_destroy_value(&items[i]);
  return state;
}

static duckdb_state bind_value(duckdb_prepared_statement prepared, idx_t index, const TarnValue *value) {
  switch (value->type) {
    case TARN_VALUE_NULL:
      return duckdb_bind_null(prepared, index);
    case TARN_VALUE_BOOL:
      return duckdb_bind_boolean(prepared, index, value->boolean != FALSE);
    case TARN_VALUE_INT:
      return duckdb_bind_int64(prepared, index, value->integer);
    case TARN_VALUE_DOUBLE:
      return duckdb_bind_double(prepared, index, value->real);
    case TARN_VALUE_TEXT:
      return duckdb_bind_varchar_length(prepared, index, value->bytes.data, value->bytes.size);
    case TARN_VALUE_BLOB:
      return duckdb_bind_blob(prepared, index, value->bytes.data, value->bytes.size);
    case TARN_VALUE_DATE:
      return duckdb_bind_date(prepared, index, (duckdb_date){.days = (int32_t)value->integer});
    case TARN_VALUE_TIMESTAMP:
      return duckdb_bind_timestamp(prepared, index, (duckdb_timestamp){.micros = value->integer});
    case TARN_VALUE_LIST:
      return bind_list(prepared, index, value);
  }
  return DuckDBError;
}

gboolean tarn_statement_bind(TarnStatement *statement, guint index, const TarnValue *value, GError **error) {
  if (bind_value(statement->prepared, index, value) == DuckDBSuccess) return TRUE;
  tarn_db_set_sql_error(error, statement->sql, duckdb_prepare_error(statement->prepared));
  return FALSE;
}

typedef duckdb_state (*Execute)(duckdb_prepared_statement prepared, duckdb_result *result);

static TarnResult *execute(TarnStatement *statement, Execute run, GError **error) {
  g_autoptr(TarnResult) result = g_new0(TarnResult, 1);
  if (run(statement->prepared, &result->result) == DuckDBSuccess) return g_steal_pointer(&result);
  tarn_db_set_sql_error(error, statement->sql, duckdb_result_error(&result->result));
  return NULL;
}

static void collect_chunks(TarnResult *result) {
  g_autoptr(GArray) chunks = g_array_new(FALSE, FALSE, sizeof(duckdb_data_chunk));
  g_autoptr(GArray) first = g_array_new(FALSE, FALSE, sizeof(guint64));
  duckdb_data_chunk chunk;
  while ((chunk = duckdb_fetch_chunk(result->result))) {
    g_array_append_val(chunks, chunk);
    g_array_append_val(first, result->n_rows);
    result->n_rows += duckdb_data_chunk_get_size(chunk);
  }
  result->n_chunks = chunks->len;
  result->chunks = (duckdb_data_chunk *)g_array_free(g_steal_pointer(&chunks), FALSE);
  result->first_row = (guint64 *)g_array_free(g_steal_pointer(&first), FALSE);
}

TarnResult *tarn_statement_query(TarnStatement *statement, GError **error) {
  TarnResult *result = execute(statement, duckdb_execute_prepared, error);
  if (result) collect_chunks(result);
  return result;
}

TarnResult *tarn_statement_stream(TarnStatement *statement, GError **error) {
  TarnResult *result = execute(statement, duckdb_execute_prepared_streaming, error);
  if (result) result->streaming = TRUE;
  return result;
}

TarnResult *tarn_conn_query(TarnConn *conn, const char *sql, const TarnValue *values, guint n_values, GError **error) {
  g_autoptr(TarnStatement) statement = tarn_statement_prepare(conn, sql, error);
  if (!statement) return NULL;
  for (guint i = 0; i < n_values; i++)
    if (!tarn_statement_bind(statement, i + 1, &values[i], error)) return NULL;
  return tarn_statement_query(statement, error);
}

gboolean tarn_conn_run(TarnConn *conn, const char *sql, const TarnValue *values, guint n_values, gint64 *changed,
                       GError **error) {
  g_autoptr(TarnResult) result = tarn_conn_query(conn, sql, values, n_values, error);
  if (!result) return FALSE;
  if (changed) *changed = tarn_result_changed(result);
  return TRUE;
}

gboolean tarn_conn_query_int(TarnConn *conn, const char *sql, const TarnValue *values, guint n_values, gint64 *value,
                             GError **error) {
  g_autoptr(TarnResult) result = tarn_conn_query(conn, sql, values, n_values, error);
  if (!result) return FALSE;
  g_assert(tarn_result_rows(result) == 1 && tarn_result_columns(result) == 1);
  *value = tarn_result_int(result, 0, 0);
  return TRUE;
}
