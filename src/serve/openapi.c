#include "serve/openapi.h"

#include <string.h>

#include "serve/format.h"
#include "serve/openapi_private.h"
#include "serve/tables.h"
#include "serve/web.h"

struct TarnOpenapi {
  GPtrArray *endpoints; /* by route */
  const char *const *tables;
  const GPtrArray *models;
  gboolean keyed;
  json_t *base; /* what does not come from endpoints */
  GMutex mutex;
  gint64 generation; /* the newest that was described; under mutex */
  GBytes *document;  /* under mutex */
  char *etag;        /* under mutex */
};

/* The fixed parts, of which a server that lacks a route shows nothing. */
static json_t *load_base(const char *const *routes) {
  json_t *base = json_loads(tarn_web_text("openapi.json"), 0, NULL), *path;
  const char *route;
  void *next;
  g_assert(base);
  json_t *paths = json_object_get(base, "paths");
  json_object_foreach_safe(paths, next, route, path) {
    if (!g_strv_contains(routes, route)) json_object_del(paths, route);
  }
  return base;
}

static void set_name(json_t *document, const char *name) {
  json_object_set_new(json_object_get(document, "info"), "title", json_string(name));
}

static json_t *component(json_t *document, const char *kind) {
  return json_object_get(json_object_get(document, "components"), kind);
}

static void set_formats(json_t *document) {
  json_t *format = json_object_get(component(document, "parameters"), "format");
  json_t *names = json_array();
  for (guint i = 0; i < TARN_N_FORMATS; i++) json_array_append_new(names, json_string(tarn_format_name((TarnFormat)i)));
  json_object_set_new(json_object_get(format, "schema"), "enum", names);
}

/* Without keys nothing is said of them, and nobody is told to send one. */
static void set_security(json_t *document, gboolean keyed) {
  if (keyed) {
    json_object_set_new(document, "security", json_pack("[{s:[]},{s:[]}]", "bearer", "header"));
    return;
  }
  json_object_set_new(document, "security", json_array());
  json_object_del(json_object_get(document, "components"), "securitySchemes");
}

static void add_operation(json_t *document, const char *route, json_t *operation) {
  json_object_set_new(json_object_get(document, "paths"), route, json_pack("{s:o}", "get", operation));
}

/* What the server answers itself may be refused for want of a key, too, unless it says that it needs none. */
static void add_server_problems(json_t *document, gboolean keyed) {
  const char *route;
  json_t *path;
  static const char *const statuses[] = {"401", "403", "429"};
  json_object_foreach(json_object_get(document, "paths"), route, path) {
    json_t *operation = json_object_get(path, "get"), *responses = json_object_get(operation, "responses");
    for (gsize i = 0; keyed && !json_object_get(operation, "security") && i < G_N_ELEMENTS(statuses); i++) {
      g_autofree char *reference = g_strdup_printf("#/components/responses/%s", statuses[i]);
      json_object_set_new(responses, statuses[i], json_pack("{s:s}", "$ref", reference));
    }
  }
}

/* A tag without operations is noise. */
static void drop_unused_tags(json_t *document, const TarnOpenapiOptions *options) {
  json_t *tags = json_object_get(document, "tags"), *tag;
  size_t i;
  gboolean tables = options->tables && *options->tables;
  json_array_foreach(tags, i, tag) {
    if (!tables && g_str_equal(json_string_value(json_object_get(tag, "name")), "tables")) {
      json_array_remove(tags, i);
      break;
    }
  }
}

static json_t *make_base(const TarnOpenapiOptions *options) {
  json_t *base = load_base(options->routes);
  set_name(base, options->name);
  set_formats(base);
  drop_unused_tags(base, options);
  set_security(base, options->keyed);
  add_server_problems(base, options->keyed);
  json_object_set_new(json_object_get(base, "components"), "responses", tarn_openapi_problem_responses(options->keyed));
  return base;
}

static gint compare_routes(gconstpointer a, gconstpointer b) {
  return g_strcmp0((*(TarnEndpoint *const *)a)->route, (*(TarnEndpoint *const *)b)->route);
}

static void add_endpoints(const TarnOpenapi *openapi, TarnConn *conn, json_t *document) {
  for (guint i = 0; i < openapi->endpoints->len; i++) {
    const TarnEndpoint *endpoint = openapi->endpoints->pdata[i];
    json_t *row = conn ? tarn_openapi_row_schema(endpoint, conn) : NULL;
    add_operation(document, endpoint->route, tarn_openapi_operation(endpoint, row, openapi->keyed));
    json_decref(row);
  }
}

static const char *description_of(const TarnOpenapi *openapi, const char *table) {
  for (guint i = 0; i < openapi->models->len; i++) {
    const TarnModel *model = openapi->models->pdata[i];
    if (g_str_equal(model->name, table)) return model->description;
  }
  return NULL;
}

/* Each table has columns of its own, so each has an operation of its own. */
static void add_tables(const TarnOpenapi *openapi, const TarnServed *served, TarnConn *conn, json_t *document) {
  for (const char *const *name = openapi->tables; name && *name; name++) {
    const TarnCatalogTable *table = tarn_catalog_table(tarn_served_catalog(served), *name);
    if (!table) continue;
    g_autofree char *route = g_strdup_printf("%s/%s", TARN_TABLES_ROUTE, *name);
    add_operation(document, route,
                  tarn_openapi_table_operation(table, description_of(openapi, *name), conn, openapi->keyed));
  }
}

static void set_document(TarnOpenapi *openapi, json_t *document) {
  char *text = json_dumps(document, JSON_INDENT(2));
  gsize size = strlen(text);
  g_autofree char *digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text, size);
  GBytes *bytes = g_bytes_new_with_free_func(text, size, free, text);
  g_mutex_lock(&openapi->mutex);
  g_clear_pointer(&openapi->document, g_bytes_unref);
  g_free(openapi->etag);
  openapi->document = bytes;
  openapi->etag = g_strdup_printf("\"%.32s\"", digest);
  g_mutex_unlock(&openapi->mutex);
  json_decref(document);
}

TarnOpenapi *tarn_openapi_new(const TarnOpenapiOptions *options) {
  TarnOpenapi *openapi = g_new0(TarnOpenapi, 1);
  openapi->endpoints = g_ptr_array_copy((GPtrArray *)options->endpoints, NULL, NULL);
  g_ptr_array_set_free_func(openapi->endpoints, NULL); /* the copy borrows */
  g_ptr_array_sort(openapi->endpoints, compare_routes);
  openapi->keyed = options->keyed;
  openapi->tables = options->tables && *options->tables ? options->tables : NULL;
  openapi->models = options->models;
  openapi->base = make_base(options);
  g_mutex_init(&openapi->mutex);
  json_t *document = json_deep_copy(openapi->base);
  add_endpoints(openapi, NULL, document);
  set_document(openapi, document);
  return openapi;
}

void tarn_openapi_free(TarnOpenapi *openapi) {
  if (!openapi) return;
  g_bytes_unref(openapi->document);
  g_free(openapi->etag);
  g_ptr_array_unref(openapi->endpoints);
  json_decref(openapi->base);
  g_mutex_clear(&openapi->mutex);
  g_free(openapi);
}

void tarn_openapi_describe(TarnOpenapi *openapi, TarnServed *served) {
  gint64 number = tarn_served_generation(served)->number;
  g_mutex_lock(&openapi->mutex);
  gboolean older = number < openapi->generation;
  openapi->generation = MAX(number, openapi->generation);
  g_mutex_unlock(&openapi->mutex);
  TarnServedWorker *worker = older ? NULL : tarn_served_take_worker(served, NULL);
  if (!worker) return;
  TarnConn *conn = tarn_served_worker_conn(worker);
  json_t *document = json_deep_copy(openapi->base);
  add_endpoints(openapi, conn, document);
  add_tables(openapi, served, conn, document);
  set_document(openapi, document);
  tarn_served_give_worker(served, worker);
}

GBytes *tarn_openapi_document(TarnOpenapi *openapi, char **etag) {
  g_mutex_lock(&openapi->mutex);
  GBytes *document = g_bytes_ref(openapi->document);
  *etag = g_strdup(openapi->etag);
  g_mutex_unlock(&openapi->mutex);
  return document;
}
