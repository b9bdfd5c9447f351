#include "project/endpoint.h"

#include <string.h>

#include "project/frontmatter.h"

static const char *const types[] = {[TARN_PARAM_INTEGER] = "integer",     [TARN_PARAM_NUMBER] = "number",
                                    [TARN_PARAM_STRING] = "string",       [TARN_PARAM_BOOLEAN] = "boolean",
                                    [TARN_PARAM_ENUM] = "enum",           [TARN_PARAM_DATE] = "date",
                                    [TARN_PARAM_TIMESTAMP] = "timestamp", NULL};
static const char *const shapes[] = {[TARN_SHAPE_ROWS] = "rows", [TARN_SHAPE_ONE] = "one", NULL};

static void param_free(TarnParam *param) {
  g_free(param->name);
  g_free(param->default_value);
  g_strfreev(param->values);
  g_free(param->pattern);
  g_free(param->description);
  g_free(param);
}

static const TarnKey param_keys[] = {
    {"type", TARN_KEY_CHOICE, offsetof(TarnParam, type), "what the value must be", .required = TRUE, .choices = types},
    {"required", TARN_KEY_SWITCH, offsetof(TarnParam, required),
     "must the query string have it; what is in the route always is", .fallback = "false"},
    {"default", TARN_KEY_TEXT, offsetof(TarnParam, default_value), "value where it is absent",
     .fallback_help = "SQL NULL"},
    {"minimum", TARN_KEY_NUMBER, offsetof(TarnParam, minimum), "integer, number: smallest value",
     .present_offset = offsetof(TarnParam, has_minimum)},
    {"maximum", TARN_KEY_NUMBER, offsetof(TarnParam, maximum), "integer, number: largest value",
     .present_offset = offsetof(TarnParam, has_maximum)},
    {"values", TARN_KEY_TEXTS, offsetof(TarnParam, values), "enum: the words that it may be"},
    {"pattern", TARN_KEY_TEXT, offsetof(TarnParam, pattern),
     "string: a regular expression that the whole value matches"},
    {"max_length", TARN_KEY_COUNT, offsetof(TarnParam, max_length), "string: most characters", .fallback = "256",
     .minimum = 1, .maximum = 65536},
    {"description", TARN_KEY_TEXT, offsetof(TarnParam, description), "one sentence for people"},
    {NULL},
};
static const TarnKeyObject params = {.size = sizeof(TarnParam),
                                     .free = (GDestroyNotify)param_free,
                                     .keys = param_keys,
                                     .by_name = TRUE,
                                     .name_offset = offsetof(TarnParam, name)};

const TarnKey tarn_endpoint_keys[] = {
    {"route", TARN_KEY_TEXT, offsetof(TarnEndpoint, route), "path of the URL; {name} is a parameter", .required = TRUE},
    {"description", TARN_KEY_TEXT, offsetof(TarnEndpoint, description), "one sentence for people"},
    {"shape", TARN_KEY_CHOICE, offsetof(TarnEndpoint, shape),
     "rows: an array of objects; one: one object, and 404 where there is none", .fallback = "rows", .choices = shapes},
    {"not_found", TARN_KEY_TEXT, offsetof(TarnEndpoint, not_found), "message of that 404",
     .fallback_help = "a general one"},
    {"params", TARN_KEY_OBJECTS, offsetof(TarnEndpoint, params),
     "`name: {type: ...}` for each $name of the SQL; values are bound, never pasted", .object = &params},
    {NULL},
};

static const char *const reserved_routes[] = {"/api/v1/health", "/api/v1/selfserve/sql", NULL};

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

static gboolean is_number(const TarnParam *param) {
  return param->type == TARN_PARAM_INTEGER || param->type == TARN_PARAM_NUMBER;
}

static gboolean within(const TarnParam *param, double value) {
  return (!param->has_minimum || value >= param->minimum) && (!param->has_maximum || value <= param->maximum);
}

static gboolean default_fits(const TarnParam *param) {
  const char *text = param->default_value;
  char *end = NULL;
  gint64 integer;
  switch (param->type) {
    case TARN_PARAM_INTEGER:
      return g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &integer, NULL) &&
             within(param, (double)integer);
    case TARN_PARAM_NUMBER:
      return within(param, g_ascii_strtod(text, &end)) && end != text && !*end;
    case TARN_PARAM_BOOLEAN:
      return g_str_equal(text, "true") || g_str_equal(text, "false");
    case TARN_PARAM_ENUM:
      return g_strv_contains((const char *const *)param->values, text);
    default:
      return TRUE;
  }
}

static gboolean pattern_compiles(const char *pattern) {
  g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
  return regex != NULL;
}

/* What a parameter may not say of itself; each row is a fault where its condition holds. */
static void check_param(const Checking *checking, const TarnParam *param) {
  gboolean limits = param->has_minimum || param->has_maximum;
  const struct {
    gboolean fault;
    const char *message, *hint;
  } rules[] = {
      {param->type == TARN_PARAM_ENUM && !*param->values, "an enum needs values", "values: [first, second]"},
      {param->type != TARN_PARAM_ENUM && *param->values, "values belong to type enum", NULL},
      {limits && !is_number(param), "minimum and maximum belong to the types integer and number", NULL},
      {param->has_minimum && param->has_maximum && param->minimum > param->maximum, "minimum is above maximum", NULL},
      {param->pattern && param->type != TARN_PARAM_STRING, "pattern belongs to type string", NULL},
      {param->pattern && !pattern_compiles(param->pattern), "pattern is no regular expression", NULL},
      {param->default_value && param->required && !param->in_path, "what is required has no default",
       "leave out one of the two"},
      {param->default_value && param->in_path, "what is in the route has no default", "leave out the default"},
      {param->default_value && !default_fits(param), "the default is no such value",
       "default, type and limits must fit"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
    if (!rules[i].fault) continue;
    g_autofree char *message = g_strdup_printf("parameter '%s': %s", param->name, rules[i].message);
    problem_at(checking, param->name, rules[i].hint, message);
  }
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
  g_autofree char *message =
      g_strdup_printf("parameter '%s' is declared, but the SQL has no $%s", param->name, param->name);
  problem_at(checking, param->name, "use it or leave it out", message);
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
  g_free(endpoint->sql);
  g_strfreev(endpoint->reads);
  g_free(endpoint);
}

/* Routes that differ only in the names of their parameters are one. */
static char *route_shape(const char *route) {
  g_autoptr(GRegex) placeholder = g_regex_new("\\{[^}]*\\}", 0, 0, NULL);
  return g_regex_replace_literal(placeholder, route, -1, 0, "{}", 0, NULL);
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
    if (g_strv_contains(reserved_routes, endpoint->route))
      tarn_problem_add(problems, endpoint->path, line, 0, NULL, "the server answers %s itself", endpoint->route);
    g_hash_table_insert(seen, shape, (gpointer)endpoint);
  }
}
