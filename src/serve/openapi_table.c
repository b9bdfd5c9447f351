#include "lakehouse/schema.h"
#include "serve/openapi_private.h"
#include "serve/table_filter.h"

/* What a read takes besides filters, in the grammar of serve/table_read.c. */
static const struct {
  const char *name, *description, *schema;
} parameters[] = {
    {"select", "Columns, separated by commas; `new:old` renames one. Without it all of them.",
     "{\"type\": \"string\"}"},
    {"order", "Columns to sort by, separated by commas, each with `.asc` or `.desc`, `.nullsfirst` or `.nullslast`.",
     "{\"type\": \"string\"}"},
    {"limit", "At most so many rows. JSON comes in pages of 100 where it is not given; other formats give all rows.",
     "{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 10000}"},
    {"cursor", "Where the next page begins: the header `Link` of a page has the whole address.",
     "{\"type\": \"string\"}"},
    {"or", "Conditions of which one must hold: `(total_events.gte.5,plan.is.null)`.", "{\"type\": \"string\"}"},
    {"and", "Conditions which all must hold, for use within others.", "{\"type\": \"string\"}"},
    {"count", "`exact`: the header Content-Range tells how many rows there are in all.",
     "{\"type\": \"string\", \"enum\": [\"exact\"]}"},
};

static json_t *parameter(const char *name, const char *description, json_t *schema) {
  return json_pack("{s:s,s:s,s:s,s:o}", "name", name, "in", "query", "description", description, "schema", schema);
}

/* A column named like a parameter cannot be filtered by. */
static gboolean is_parameter(const char *name) {
  for (gsize i = 0; i < G_N_ELEMENTS(parameters); i++)
    if (g_str_equal(parameters[i].name, name)) return TRUE;
  return g_str_equal(name, "format") || g_str_equal(name, "generation");
}

static json_t *filter(const TarnCatalogColumn *column, const char *operators) {
  g_autofree char *pattern = g_strdup_printf("^(not\\.)?(%s)\\.", operators);
  g_autofree char *description =
      g_strdup_printf("Filter by %s%s%s (%s): an operator, a point, a value, such as `gte.5`.", column->name,
                      column->note ? ", " : "", column->note ? column->note : "", column->type);
  return parameter(column->name, description, json_pack("{s:s,s:s}", "type", "string", "pattern", pattern));
}

/* "eq|neq|..."; not stands before another one. */
static char *operators_pattern(void) {
  g_autoptr(GString) pattern = g_string_new(NULL);
  for (const char *const *name = tarn_table_filter_operators(); *name; name++)
    if (!g_str_equal(*name, "not")) g_string_append_printf(pattern, "%s%s", pattern->len ? "|" : "", *name);
  return g_string_free(g_steal_pointer(&pattern), FALSE);
}

static json_t *all_parameters(const TarnCatalogTable *table) {
  json_t *list = json_array();
  g_autofree char *operators = operators_pattern();
  for (gsize i = 0; i < G_N_ELEMENTS(parameters); i++)
    json_array_append_new(
        list, parameter(parameters[i].name, parameters[i].description, json_loads(parameters[i].schema, 0, NULL)));
  for (guint i = 0; i < table->columns->len; i++) {
    const TarnCatalogColumn *column = table->columns->pdata[i];
    if (!is_parameter(column->name)) json_array_append_new(list, filter(column, operators));
  }
  tarn_openapi_add_shared_parameters(list);
  return list;
}

/* Of whole rows; a select gives fewer columns, or others. */
static json_t *row_schema(const TarnCatalogTable *table, TarnConn *conn) {
  g_autofree char *name = tarn_sql_quote_identifier(table->name);
  g_autofree char *sql = g_strdup_printf("SELECT * FROM %s LIMIT 0", name);
  g_autoptr(GHashTable) notes = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; i < table->columns->len; i++) {
    const TarnCatalogColumn *column = table->columns->pdata[i];
    if (column->note) g_hash_table_insert(notes, column->name, column->note);
  }
  g_autoptr(TarnResult) result = tarn_conn_query(conn, sql, NULL, 0, NULL);
  json_t *schema = result ? tarn_result_schema(result, notes, NULL) : NULL;
  if (!schema) return json_pack("{s:s}", "type", "object");
  json_object_del(schema, "required");
  json_object_del(schema, "additionalProperties");
  return schema;
}

json_t *tarn_openapi_table_operation(const TarnCatalogTable *table, const char *description, TarnConn *conn,
                                     gboolean keyed) {
  g_autofree char *id = g_strconcat("table_", table->name, NULL);
  g_autofree char *summary = g_strdup_printf("Rows of %s.", table->name);
  json_t *schema = json_pack("{s:s,s:o}", "type", "array", "items", row_schema(table, conn));
  json_t *out =
      json_pack("{s:s,s:[s],s:s,s:o,s:o}", "operationId", id, "tags", "tables", "summary", summary, "parameters",
                all_parameters(table), "responses", tarn_openapi_responses("The rows.", schema, keyed));
  if (description) json_object_set_new(out, "description", json_string(description));
  return out;
}
