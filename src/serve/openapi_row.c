#include "lakehouse/schema.h"
#include "lakehouse/sql.h"
#include "lakehouse/statement.h"
#include "serve/openapi_private.h"

/* Any value of the parameter's type: what is computed from it has the type that it has in answers. */
static TarnValue sample(TarnParamType type) {
  static const TarnValue samples[] = {
      [TARN_PARAM_INTEGER] = {.type = TARN_VALUE_INT, .integer = 1},
      [TARN_PARAM_NUMBER] = {.type = TARN_VALUE_DOUBLE, .real = 1},
      [TARN_PARAM_STRING] = {.type = TARN_VALUE_TEXT, .bytes = {"", 0}},
      [TARN_PARAM_BOOLEAN] = {.type = TARN_VALUE_BOOL},
      [TARN_PARAM_ENUM] = {.type = TARN_VALUE_TEXT, .bytes = {"", 0}},
      [TARN_PARAM_DATE] = {.type = TARN_VALUE_DATE},
      [TARN_PARAM_TIMESTAMP] = {.type = TARN_VALUE_TIMESTAMP},
  };
  return samples[type];
}

static gboolean bind_sample(TarnStatement *statement, const TarnParam *param) {
  TarnValue item = sample(param->type == TARN_PARAM_ARRAY ? param->items : param->type);
  const TarnValue list = {.type = TARN_VALUE_LIST, .list = {&item, 1}};
  guint index = tarn_statement_parameter_index(statement, param->name);
  return index == 0 || tarn_statement_bind(statement, index, param->type == TARN_PARAM_ARRAY ? &list : &item, NULL);
}

/* column -> note; of columns of equal names the first table's. */
static GHashTable *load_notes(const TarnEndpoint *endpoint, TarnConn *conn) {
  GHashTable *notes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  guint n = endpoint->reads ? g_strv_length(endpoint->reads) : 0;
  if (n == 0) return notes;
  g_autofree TarnValue *tables = g_new0(TarnValue, n);
  for (guint i = 0; i < n; i++) tables[i] = tarn_value_text(endpoint->reads[i]);
  const TarnValue list = {.type = TARN_VALUE_LIST, .list = {tables, n}};
  g_autoptr(TarnResult) result = tarn_conn_query(conn, tarn_sql_column_notes, &list, 1, NULL);
  for (guint64 i = 0; result && i < tarn_result_rows(result); i++) {
    char *column = tarn_result_text(result, i, 0);
    if (g_hash_table_contains(notes, column))
      g_free(column);
    else
      g_hash_table_insert(notes, column, tarn_result_text(result, i, 1));
  }
  return notes;
}

json_t *tarn_openapi_row_schema(const TarnEndpoint *endpoint, TarnConn *conn) {
  g_autofree char *sql = g_strdup_printf("SELECT * FROM (\n%s\n) LIMIT 0", endpoint->sql);
  g_autoptr(TarnStatement) statement = tarn_statement_prepare(conn, sql, NULL);
  if (!statement) return NULL;
  for (guint i = 0; i < endpoint->params->len; i++)
    if (!bind_sample(statement, endpoint->params->pdata[i])) return NULL;
  g_autoptr(TarnResult) result = tarn_statement_query(statement, NULL);
  if (!result) return NULL;
  g_autoptr(GHashTable) notes = load_notes(endpoint, conn);
  return tarn_result_schema(result, notes, NULL);
}
