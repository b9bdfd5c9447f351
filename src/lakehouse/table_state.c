#include "lakehouse/table_state.h"

#include <string.h>

#include "base/error.h"
#include "lakehouse/sql.h"

void tarn_table_state_free(TarnTableState *state) {
  if (!state) return;
  g_free(state->table);
  g_free(state->layer);
  g_free(state->content_hash);
  g_free(state);
}

/* "tarn.x" and "x" to quoted SQL. */
static char *quote_table(const char *table) {
  const char *dot = strchr(table, '.');
  if (!dot) return tarn_sql_quote_identifier(table);
  g_autofree char *schema = g_strndup(table, (gsize)(dot - table));
  g_autofree char *left = tarn_sql_quote_identifier(schema), *right = tarn_sql_quote_identifier(dot + 1);
  return g_strconcat(left, ".", right, NULL);
}

/* LIST, ARRAY, STRUCT, MAP, UNION, and ENUM, whose numbering may change while its values stay. */
static gboolean is_nested(const char *type) {
  return g_str_has_suffix(type, "]") || (g_str_has_suffix(type, ")") && !g_str_has_prefix(type, "DECIMAL("));
}

/* DuckDB hashes [], [NULL] and NULL alike, and [[1], [2]] as [[1, 2]]: nested values are hashed by their text, which
 * tells them apart. */
static void append_hash_argument(GString *list, const char *column, const char *type) {
  g_autofree char *name = tarn_sql_quote_identifier(column);
  g_string_append_printf(list, "%s%s%s", list->len ? ", " : "", name, is_nested(type) ? "::VARCHAR" : "");
}

char *tarn_table_hash_arguments(TarnConn *conn, const TarnTableScope *scope, GError **error) {
  const char *dot = strchr(scope->table, '.');
  g_autofree char *schema = dot ? g_strndup(scope->table, (gsize)(dot - scope->table)) : g_strdup("main");
  const TarnValue values[] = {tarn_value_text(schema), tarn_value_text(dot ? dot + 1 : scope->table)};
  g_autoptr(TarnResult) columns = tarn_conn_query(conn, tarn_sql_table_columns, values, 2, error);
  if (!columns) return NULL;
  g_autoptr(GString) list = g_string_new(NULL);
  for (guint64 row = 0; row < tarn_result_rows(columns); row++) {
    g_autofree char *name = tarn_result_text(columns, row, 0), *type = tarn_result_text(columns, row, 1);
    if (!scope->excluded || !g_strv_contains(scope->excluded, name)) append_hash_argument(list, name, type);
  }
  if (list->len > 0) return g_string_free(g_steal_pointer(&list), FALSE);
  tarn_error_set(error, TARN_ERROR_INTERNAL, NULL, "there is no table %s with content to hash", scope->table);
  return NULL;
}

TarnTableScope tarn_table_scope(const char *table, const char *layer) {
  static const char *const events[] = {"ingested_at", "seq", NULL};
  static const char *const quarantine[] = {"id", "seq", "quarantined_at", "run_id", NULL};
  static const char *const duplicates[] = {"seq", "kept_seq", "run_id", NULL};
  TarnTableScope scope = {.table = table, .layer = layer};
  if (g_str_equal(layer, "bronze") || g_str_equal(layer, "silver"))
    scope.excluded = events;
  else if (g_str_equal(table, "tarn.quarantine"))
    scope.excluded = quarantine;
  else if (g_str_equal(table, "tarn.duplicates"))
    scope.excluded = duplicates;
  return scope;
}

TarnTableState *tarn_table_state_compute(TarnConn *conn, const TarnTableScope *scope, GError **error) {
  g_assert(scope->min_seq <= 0 || scope->base);
  g_autofree char *arguments = tarn_table_hash_arguments(conn, scope, error);
  if (!arguments) return NULL;
  g_autofree char *table = quote_table(scope->table);
  gboolean partial = scope->min_seq > 0;
  g_autofree char *filter = partial ? g_strdup_printf("WHERE seq >= %" G_GINT64_FORMAT, scope->min_seq) : g_strdup("");
  g_autofree char *sql =
      tarn_sql_fill(tarn_sql_table_state, "table", table, "arguments", arguments, "filter", filter, NULL);
  const TarnValue base[] = {tarn_value_int(partial ? scope->base->rows : 0),
                            tarn_value_text(partial ? scope->base->content_hash : "0")};
  g_autoptr(TarnResult) result = tarn_conn_query(conn, sql, base, 2, error);
  if (!result) return NULL;
  TarnTableState *state = g_new0(TarnTableState, 1);
  state->table = g_strdup(scope->table);
  state->layer = g_strdup(scope->layer);
  state->rows = tarn_result_int(result, 0, 0);
  state->content_hash = tarn_result_text(result, 0, 1);
  return state;
}

gboolean tarn_table_state_save(TarnConn *conn, gint64 generation, const TarnTableState *state, GError **error) {
  const TarnValue values[] = {tarn_value_int(generation), tarn_value_text(state->table), tarn_value_text(state->layer),
                              tarn_value_int(state->rows), tarn_value_text(state->content_hash)};
  return tarn_conn_run(conn, "DELETE FROM tarn.table_states WHERE generation = $1 AND table_name = $2", values, 2, NULL,
                       error) &&
         tarn_conn_run(conn, "INSERT INTO tarn.table_states VALUES ($1, $2, $3, $4, $5::HUGEINT)", values, 5, NULL,
                       error);
}

GPtrArray *tarn_table_states_read(TarnConn *conn, gint64 generation, GError **error) {
  const TarnValue value = tarn_value_int(generation);
  g_autoptr(TarnResult) result = tarn_conn_query(conn, tarn_sql_table_states, &value, 1, error);
  if (!result) return NULL;
  GPtrArray *states = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_table_state_free);
  for (guint64 row = 0; row < tarn_result_rows(result); row++) {
    TarnTableState *state = g_new0(TarnTableState, 1);
    state->table = tarn_result_text(result, row, 0);
    state->layer = tarn_result_text(result, row, 1);
    state->rows = tarn_result_int(result, row, 2);
    state->content_hash = tarn_result_text(result, row, 3);
    g_ptr_array_add(states, state);
  }
  return states;
}

const TarnTableState *tarn_table_states_find(const GPtrArray *states, const char *table) {
  for (guint i = 0; i < states->len; i++) {
    const TarnTableState *state = states->pdata[i];
    if (g_str_equal(state->table, table)) return state;
  }
  return NULL;
}

gboolean tarn_table_count(TarnConn *conn, const char *table, gint64 *rows, GError **error) {
  g_autofree char *name = quote_table(table);
  g_autofree char *sql = g_strconcat("SELECT count(*) FROM ", name, NULL);
  return tarn_conn_query_int(conn, sql, NULL, 0, rows, error);
}
