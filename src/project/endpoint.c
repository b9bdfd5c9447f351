#include "project/endpoint.h"

#include <string.h>

#include "base/error.h"
#include "project/endpoint_examples.h"
#include "project/frontmatter.h"
#include "project/param.h"

#define SCALAR_TYPES                                                                                \
  [TARN_PARAM_INTEGER] = "integer", [TARN_PARAM_NUMBER] = "number", [TARN_PARAM_STRING] = "string", \
  [TARN_PARAM_BOOLEAN] = "boolean", [TARN_PARAM_ENUM] = "enum", [TARN_PARAM_DATE] = "date",         \
  [TARN_PARAM_TIMESTAMP] = "timestamp"
static const char *const types[] = {SCALAR_TYPES, [TARN_PARAM_ARRAY] = "array", NULL};
static const char *const item_types[] = {SCALAR_TYPES, NULL};
static const char *const shapes[] = {[TARN_SHAPE_ROWS] = "rows", [TARN_SHAPE_ONE] = "one", NULL};

static void param_free(TarnParam *param) {
  g_free(param->name);
  g_strfreev(param->defaults);
  g_free(param->minimum);
  g_free(param->maximum);
  g_strfreev(param->values);
  g_free(param->pattern);
  g_strfreev(param->examples);
  g_free(param->description);
  g_free(param);
}

static const TarnKey param_keys[] = {
    {"type", TARN_KEY_CHOICE, offsetof(TarnParam, type), "what the value must be", .required = TRUE, .choices = types},
    {"required", TARN_KEY_SWITCH, offsetof(TarnParam, required),
     "must the query string have it; what is in the route always is", .fallback = "false"},
    {"default", TARN_KEY_TEXTS, offsetof(TarnParam, defaults), "value where it is absent; several for an array",
     .fallback_help = "SQL NULL"},
    {"minimum", TARN_KEY_TEXT, offsetof(TarnParam, minimum), "integer, number, date, timestamp: smallest value"},
    {"maximum", TARN_KEY_TEXT, offsetof(TarnParam, maximum), "integer, number, date, timestamp: largest value"},
    {"values", TARN_KEY_TEXTS, offsetof(TarnParam, values), "enum: the words that it may be"},
    {"pattern", TARN_KEY_TEXT, offsetof(TarnParam, pattern),
     "string: a regular expression that the whole value matches"},
    {"max_length", TARN_KEY_COUNT, offsetof(TarnParam, max_length), "string: most characters", .fallback = "256",
     .minimum = 1, .maximum = 65536},
    {"items", TARN_KEY_CHOICE, offsetof(TarnParam, items),
     "array: what each element must be; limits, values, pattern and max_length hold for each", .fallback = "string",
     .choices = item_types, .present_offset = offsetof(TarnParam, of_array)},
    {"min_items", TARN_KEY_COUNT, offsetof(TarnParam, min_items), "array: fewest elements", .fallback = "1",
     .minimum = 1, .maximum = 1000, .present_offset = offsetof(TarnParam, of_array)},
    {"max_items", TARN_KEY_COUNT, offsetof(TarnParam, max_items), "array: most elements", .fallback = "100",
     .minimum = 1, .maximum = 1000, .present_offset = offsetof(TarnParam, of_array)},
    {"description", TARN_KEY_TEXT, offsetof(TarnParam, description), "one sentence for people"},
    {"examples", TARN_KEY_TEXTS, offsetof(TarnParam, examples), "values for the API's documentation"},
    {NULL},
};
static const TarnKeyObject params = {.size = sizeof(TarnParam),
                                     .free = (GDestroyNotify)param_free,
                                     .keys = param_keys,
                                     .by_name = TRUE,
                                     .name_offset = offsetof(TarnParam, name),
                                     .line_offset = offsetof(TarnParam, line)};

const TarnKey tarn_endpoint_keys[] = {
    {"route", TARN_KEY_TEXT, offsetof(TarnEndpoint, route), "path of the URL; {name} is a parameter", .required = TRUE},
    {"description", TARN_KEY_TEXT, offsetof(TarnEndpoint, description), "one sentence for people"},
    {"shape", TARN_KEY_CHOICE, offsetof(TarnEndpoint, shape),
     "rows: an array of objects; one: one object, and 404 where there is none", .fallback = "rows", .choices = shapes},
    {"not_found", TARN_KEY_TEXT, offsetof(TarnEndpoint, not_found), "message of that 404",
     .fallback_help = "a general one"},
    {"params", TARN_KEY_OBJECTS, offsetof(TarnEndpoint, params),
     "`name: {type: ...}` for each $name of the SQL; values are bound, never pasted", .object = &params},
    {"examples", TARN_KEY_TEXTS, offsetof(TarnEndpoint, examples),
     "requests for the API's documentation: path and query, for instance /api/v1/things?limit=5"},
    {"limit", TARN_KEY_COUNT, offsetof(TarnEndpoint, limit), "rows after these are left out", .minimum = 1,
     .maximum = G_MAXINT32, .fallback_help = "no bound"},
    {"cache", TARN_KEY_DURATION, offsetof(TarnEndpoint, cache_us),
     "how long clients may keep an answer without asking (Cache-Control: max-age)", .fallback = "0s"},
    {"precompute", TARN_KEY_SWITCH, offsetof(TarnEndpoint, precompute),
     "`tarn run` computes every answer, as part of the generation; parameters must be enum, boolean, or an integer "
     "that is the SQL's LIMIT",
     .fallback = "false"},
    {"timeout", TARN_KEY_DURATION, offsetof(TarnEndpoint, timeout_us),
     "the statement is cancelled after this, and the answer is 503", .fallback_help = "`serve.timeout`"},
    {NULL},
};

/* What the server answers itself; a route below one of these belongs to it, too. */
static const char *const reserved_routes[] = {"/api/v1/health", "/api/v1/selfserve", "/api/v1/tables", "/livez",
                                              "/readyz",        "/metrics",          "/openapi.json",  "/docs"};
/* The server takes these query parameters for every endpoint. */
static const char *const reserved_params[] = {"format", "generation", NULL};

typedef struct {
  const TarnEndpoint *endpoint;
  GPtrArray *problems;
} Checking;

static void problem_at(const Checking *checking, const char *key, const char *hint, const char *message) {
  const TarnEndpoint *endpoint = checking->endpoint;
  tarn_problem_add(checking->problems, endpoint->path, tarn_frontmatter_line(endpoint->sql, key), 0, hint, "%s",
                   message);
}

static TarnParam *find_param(const TarnEndpoint *endpoint, const char *name) {
  for (guint i = 0; i < endpoint->params->len; i++) {
    TarnParam *param = endpoint->params->pdata[i];
    if (g_str_equal(param->name, name)) return param;
  }
  return NULL;
}

/* --- Parameters ------------------------------------------------------------------------------------------------- */

static TarnParamType value_type(const TarnParam *param) {
  return param->type == TARN_PARAM_ARRAY ? param->items : param->type;
}

static gboolean takes_limits(const TarnParam *param) {
  static const gboolean takes[] = {[TARN_PARAM_INTEGER] = TRUE,
                                   [TARN_PARAM_NUMBER] = TRUE,
                                   [TARN_PARAM_DATE] = TRUE,
                                   [TARN_PARAM_TIMESTAMP] = TRUE,
                                   [TARN_PARAM_ARRAY] = FALSE};
  return takes[value_type(param)];
}

static void param_problem(const Checking *checking, const TarnParam *param, const char *hint, const char *message) {
  tarn_problem_add(checking->problems, checking->endpoint->path, param->line, 0, hint, "parameter '%s': %s",
                   param->name, message);
}

/* What a parameter may not say of itself; each row is a fault where its condition holds. */
static gboolean check_param_keys(const Checking *checking, const TarnParam *param) {
  gboolean array = param->type == TARN_PARAM_ARRAY, is_enum = value_type(param) == TARN_PARAM_ENUM;
  const struct {
    gboolean fault;
    const char *message, *hint;
  } rules[] = {
      {g_strv_contains(reserved_params, param->name), "the server takes this query parameter itself",
       "give it another name, here and in the SQL"},
      {is_enum && !*param->values, "an enum needs values", "values: [first, second]"},
      {!is_enum && *param->values, "values belong to type enum", "leave them out, or write type: enum"},
      {(param->minimum || param->maximum) && !takes_limits(param),
       "minimum and maximum belong to the types integer, number, date and timestamp", "max_length limits a string"},
      {param->pattern && value_type(param) != TARN_PARAM_STRING, "pattern belongs to type string",
       "leave it out, or write type: string"},
      {param->of_array && !array, "items, min_items and max_items belong to type array", "type: array"},
      {array && param->min_items > param->max_items, "min_items is above max_items", "swap them"},
      {!array && *param->defaults && param->defaults[1], "only an array has several defaults", "type: array"},
      {*param->defaults && param->required && !param->in_path, "what is required has no default",
       "leave out one of the two"},
      {*param->defaults && param->in_path, "what is in the route has no default", "leave out the default"},
  };
  gboolean ok = TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
    if (!rules[i].fault) continue;
    param_problem(checking, param, rules[i].hint, rules[i].message);
    ok = FALSE;
  }
  return ok;
}

static void check_param_example(const Checking *checking, const TarnParamReader *reader, const char *example) {
  const TarnParam *param = tarn_param_reader_spec(reader);
  g_auto(GStrv) texts = tarn_param_split(param, example);
  TarnValue value = tarn_value_null();
  g_autofree char *fault = tarn_param_read(reader, (const char *const *)texts, g_strv_length(texts), &value);
  tarn_value_clear(&value);
  if (!fault) return;
  g_autofree char *message = g_strdup_printf("the example: %s", fault);
  param_problem(checking, param, "an example must be allowed", message);
}

/* Whether its values fit, and the examples it gives. */
static void check_param(const Checking *checking, const TarnParam *param) {
  if (!check_param_keys(checking, param)) return;
  g_autoptr(GError) fault = NULL;
  g_autoptr(TarnParamReader) reader = tarn_param_reader_new(param, &fault);
  if (!reader) {
    tarn_problem_add(checking->problems, checking->endpoint->path, param->line, 0, tarn_error_hint(fault), "%s",
                     fault->message);
    return;
  }
  for (char **example = param->examples; *example; example++) check_param_example(checking, reader, *example);
}

static void check_declared(const Checking *checking, const TarnSqlFile *file, const char *name) {
  if (find_param(checking->endpoint, name)) return;
  gboolean named = tarn_is_name(name);
  g_autofree char *hint = named ? g_strdup_printf("params: {%s: {type: string}}", name) : g_strdup("write $name");
  TarnSqlPosition place = tarn_sql_file_parameter_position(file, name);
  if (named)
    tarn_problem_add(checking->problems, file->path, place.line, place.column, hint,
                     "$%s is not declared in the front matter", name);
  else
    tarn_problem_add(checking->problems, file->path, place.line, place.column, hint, "parameters must have names");
}

static void check_used(const Checking *checking, const char *const *used, const TarnParam *param) {
  if (g_strv_contains(used, param->name)) return;
  g_autofree char *message = g_strdup_printf("it is declared, but the SQL has no $%s", param->name);
  param_problem(checking, param, "use it or leave it out", message);
}

/* --- Route ------------------------------------------------------------------------------------------------------ */

static gboolean is_plain_segment(const char *segment) {
  for (const char *p = segment; *p; p++)
    if (!g_ascii_isalnum(*p) && !strchr("-._~", *p)) return FALSE;
  return *segment != '\0';
}

static void check_placeholder(const Checking *checking, const char *segment) {
  g_autofree char *name = g_strndup(segment + 1, strlen(segment) - 2);
  TarnParam *param = find_param(checking->endpoint, name);
  if (param && !param->in_path) {
    param->in_path = param->required = TRUE;
    return;
  }
  g_autofree char *message =
      g_strdup_printf(param ? "the route has {%s} twice" : "the route's {%s} is no parameter", name);
  g_autofree char *hint = g_strdup_printf("params: {%s: {type: string}}", name);
  problem_at(checking, "route", param ? NULL : hint, message);
}

static void check_route(const Checking *checking) {
  const char *route = checking->endpoint->route;
  if (!route) return;
  g_auto(GStrv) segments = g_strsplit(route, "/", -1);
  gboolean ok = *route == '/' && segments[1];
  for (char **segment = segments + 1; ok && *segment; segment++) {
    if (**segment == '{' && g_str_has_suffix(*segment, "}"))
      check_placeholder(checking, *segment);
    else
      ok = is_plain_segment(*segment);
  }
  if (!ok)
    problem_at(checking, "route", "for instance /api/v1/things/{id}: words and {parameters} between slashes",
               "the route is no path");
}

static void check_endpoint(const Checking *checking, const TarnSqlFile *file) {
  const TarnEndpoint *endpoint = checking->endpoint;
  check_route(checking);
  for (guint i = 0; i < endpoint->params->len; i++) check_param(checking, endpoint->params->pdata[i]);
  if (endpoint->not_found && endpoint->shape != TARN_SHAPE_ONE)
    problem_at(checking, "not_found", "add `shape: one`, or leave it out", "not_found belongs to shape one");
  if (endpoint->limit && endpoint->shape == TARN_SHAPE_ONE)
    problem_at(checking, "limit", "leave it out", "limit belongs to shape rows; shape one has one row");
  tarn_endpoint_examples_check(endpoint, checking->problems);
  if (!file->tree) return;
  g_auto(GStrv) used = tarn_sql_file_parameters(file);
  for (char **name = used; *name; name++) check_declared(checking, file, *name);
  for (guint i = 0; i < endpoint->params->len; i++)
    check_used(checking, (const char *const *)used, endpoint->params->pdata[i]);
}

TarnEndpoint *tarn_endpoint_new(const TarnLoading *loading, TarnSqlFile *file) {
  TarnEndpoint *endpoint = g_new0(TarnEndpoint, 1);
  tarn_frontmatter_read(file->text, file->path, tarn_endpoint_keys, endpoint, loading->problems);
  endpoint->name = g_strdup(file->name);
  endpoint->path = g_strdup(file->path);
  endpoint->sql = g_strdup(file->text);
  const Checking checking = {endpoint, loading->problems};
  check_endpoint(&checking, file);
  file->reads = &endpoint->reads;
  return endpoint;
}

void tarn_endpoint_free(TarnEndpoint *endpoint) {
  if (!endpoint) return;
  g_free(endpoint->name);
  g_free(endpoint->path);
  g_free(endpoint->route);
  g_free(endpoint->description);
  g_free(endpoint->not_found);
  g_ptr_array_unref(endpoint->params);
  g_strfreev(endpoint->examples);
  g_free(endpoint->sql);
  g_strfreev(endpoint->reads);
  g_free(endpoint);
}

/* Routes that differ only in the names of their parameters are one. */
static char *route_shape(const char *route) {
  g_autoptr(GRegex) placeholder = g_regex_new("\\{[^}]*\\}", 0, 0, NULL);
  return g_regex_replace_literal(placeholder, route, -1, 0, "{}", 0, NULL);
}

static const char *reserved_route(const char *route) {
  for (gsize i = 0; i < G_N_ELEMENTS(reserved_routes); i++) {
    gsize length = strlen(reserved_routes[i]);
    if (strncmp(route, reserved_routes[i], length) == 0 && (!route[length] || route[length] == '/'))
      return reserved_routes[i];
  }
  return NULL;
}

void tarn_endpoints_check_routes(const GPtrArray *endpoints, GPtrArray *problems) {
  g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < endpoints->len; i++) {
    const TarnEndpoint *endpoint = endpoints->pdata[i];
    if (!endpoint->route) continue;
    guint line = tarn_frontmatter_line(endpoint->sql, "route");
    char *shape = route_shape(endpoint->route);
    const TarnEndpoint *other = g_hash_table_lookup(seen, shape);
    if (other)
      tarn_problem_add(problems, endpoint->path, line, 0, NULL, "%s already has the route %s", other->path,
                       other->route);
    if (reserved_route(endpoint->route))
      tarn_problem_add(problems, endpoint->path, line, 0, "give it another path", "the server answers %s itself",
                       reserved_route(endpoint->route));
    g_hash_table_insert(seen, shape, (gpointer)endpoint);
  }
}
