#include "serve/tables.h"

#include "base/nearest.h"
#include "serve/problem.h"
#include "serve/route.h"
#include "serve/table_read.h"

struct TarnTables {
  const char *const *names;
  const GPtrArray *models;
  guint segment; /* of the path: the table's name */
};

TarnTables *tarn_tables_new(const char *const *names, const GPtrArray *models) {
  static const char *const none[] = {NULL};
  TarnTables *tables = g_new0(TarnTables, 1);
  tables->names = names ? names : none;
  tables->models = models;
  tables->segment = (guint)tarn_route_segment(TARN_TABLE_ROUTE, "table");
  return tables;
}

void tarn_tables_free(TarnTables *tables) { g_free(tables); }

static const char *description_of(const TarnTables *tables, const char *name) {
  for (guint i = 0; i < tables->models->len; i++) {
    const TarnModel *model = tables->models->pdata[i];
    if (g_str_equal(model->name, name)) return model->description;
  }
  return NULL;
}

static void write_column(TarnJsonWriter *json, const TarnCatalogColumn *column) {
  tarn_json_begin_object(json);
  tarn_json_member_string(json, "name", column->name);
  tarn_json_member_string(json, "type", column->type);
  tarn_json_member_string(json, "note", column->note);
  tarn_json_end_object(json);
}

static void write_table(TarnJsonWriter *json, const TarnTables *tables, const TarnCatalogTable *table) {
  g_autofree char *address = g_strdup_printf("%s/%s", TARN_TABLES_ROUTE, table->name);
  tarn_json_begin_object(json);
  tarn_json_member_string(json, "name", table->name);
  tarn_json_member_string(json, "href", address);
  tarn_json_member_string(json, "layer", table->layer);
  tarn_json_member_string(json, "description", description_of(tables, table->name));
  tarn_json_key(json, "rows");
  if (table->rows >= 0)
    tarn_json_int(json, table->rows);
  else
    tarn_json_null(json);
  tarn_json_key(json, "columns");
  tarn_json_begin_array(json);
  for (guint i = 0; i < table->columns->len; i++) write_column(json, table->columns->pdata[i]);
  tarn_json_end_array(json);
  tarn_json_end_object(json);
}

void tarn_tables_list(const TarnTables *tables, const TarnServed *served, TarnHttpResponse *response) {
  TarnJsonWriter json;
  tarn_json_init(&json, response->body);
  tarn_json_begin_array(&json);
  for (const char *const *name = tables->names; *name; name++) {
    const TarnCatalogTable *table = tarn_catalog_table(tarn_served_catalog(served), *name);
    if (table) write_table(&json, tables, table);
  }
  tarn_json_end_array(&json);
  g_string_append_c(response->body, '\n');
}

static void write_not_found(const TarnTables *tables, const char *name, TarnHttpResponse *response) {
  const char *nearest = name ? tarn_nearest_word(name, tables->names) : NULL;
  g_autofree char *detail = g_strdup_printf("there is no table '%.60s'", name ? name : "(unreadable)");
  g_autofree char *near = g_strdup_printf("did you mean %s?", nearest);
  const char *hint = nearest          ? near
                     : *tables->names ? "the member tables lists those that there are"
                                      : "the project names those that are given to clients under serve.tables";
  TarnJsonWriter json;
  tarn_http_problem_begin(response, &json, 404, hint, detail);
  tarn_json_key(&json, "tables");
  tarn_json_begin_array(&json);
  for (const char *const *known = tables->names; *known; known++) tarn_json_string(&json, *known);
  tarn_json_end_array(&json);
  tarn_http_problem_end(&json);
}

static void write_not_in_generation(const TarnServed *served, const char *name, TarnHttpResponse *response) {
  g_autofree char *detail =
      g_strdup_printf("generation %" G_GINT64_FORMAT " has no table %s", tarn_served_generation(served)->number, name);
  tarn_http_problem_write(response, 404, "the next `tarn run` of the project makes it", detail);
}

/* A column of that name hides the number of the row, which the order of pages goes by. */
static gboolean has_row_number(const TarnCatalogTable *table) {
  for (guint i = 0; i < table->columns->len; i++)
    if (g_ascii_strcasecmp(((TarnCatalogColumn *)table->columns->pdata[i])->name, "rowid") == 0) return FALSE;
  return TRUE;
}

TarnQuery *tarn_tables_query(const TarnTables *tables, const TarnServed *served, const TarnTarget *target,
                             TarnFormat format, const char *prefer, TarnHttpResponse *response) {
  const char *name = target->segments->pdata[tables->segment];
  if (!name || !g_strv_contains(tables->names, name)) {
    write_not_found(tables, name, response);
    return NULL;
  }
  const TarnTableRead read = {.table = tarn_catalog_table(tarn_served_catalog(served), name),
                              .generation = tarn_served_generation(served)->number,
                              .format = format,
                              .prefer = prefer};
  if (!read.table)
    write_not_in_generation(served, name, response);
  else if (!has_row_number(read.table))
    tarn_http_problem_write(response, 422, "its owner can name it otherwise in the model",
                            "the table cannot be read by pages: it has a column rowid");
  else
    return tarn_table_read_query(&read, target, response);
  return NULL;
}
