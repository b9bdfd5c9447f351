#include <string.h>

#include "project/param.h"
#include "serve/format.h"
#include "serve/openapi_private.h"

#define US_PER_SECOND 1000000.0

/* --- Parameters ------------------------------------------------------------------------------------------------- */

static json_t *typed_value(TarnParamType type, const char *text) {
  switch (type) {
    case TARN_PARAM_INTEGER:
      return json_integer(g_ascii_strtoll(text, NULL, 10));
    case TARN_PARAM_NUMBER:
      return json_real(g_ascii_strtod(text, NULL));
    case TARN_PARAM_BOOLEAN:
      return json_boolean(g_str_equal(text, "true"));
    default:
      return json_string(text);
  }
}

static json_t *typed_texts(const TarnParam *param, const char *text) {
  if (param->type != TARN_PARAM_ARRAY) return typed_value(param->type, text);
  g_auto(GStrv) items = tarn_param_split(param, text);
  json_t *list = json_array();
  for (char **item = items; *item; item++) json_array_append_new(list, typed_value(param->items, *item));
  return list;
}

/* Limits of numbers; JSON Schema has none for dates, whose limits the description tells. */
static json_t *number_schema(const TarnParam *param, TarnParamType type, const char *name, const char *format) {
  json_t *schema = json_pack("{s:s,s:s}", "type", name, "format", format);
  if (param->minimum) json_object_set_new(schema, "minimum", typed_value(type, param->minimum));
  if (param->maximum) json_object_set_new(schema, "maximum", typed_value(type, param->maximum));
  return schema;
}

static json_t *integer_schema(const TarnParam *param) {
  return number_schema(param, TARN_PARAM_INTEGER, "integer", "int64");
}

static json_t *real_schema(const TarnParam *param) {
  return number_schema(param, TARN_PARAM_NUMBER, "number", "double");
}

/* No text of a request holds a NUL (serve/target.c). */
#define ANY_TEXT "^[^\\u0000]*$"

static json_t *string_schema(const TarnParam *param) {
  g_autofree char *whole = param->pattern ? g_strdup_printf("^(?:%s)$", param->pattern) : g_strdup(ANY_TEXT);
  json_t *schema = json_pack("{s:s,s:s}", "type", "string", "pattern", whole);
  if (param->max_length) json_object_set_new(schema, "maxLength", json_integer(param->max_length));
  return schema;
}

static json_t *boolean_schema(const TarnParam *param) {
  (void)param;
  return json_pack("{s:s}", "type", "boolean");
}

static json_t *enum_schema(const TarnParam *param) {
  json_t *words = json_array();
  for (char **word = param->values; *word; word++) json_array_append_new(words, json_string(*word));
  return json_pack("{s:s,s:o}", "type", "string", "enum", words);
}

static json_t *date_schema(const TarnParam *param) {
  (void)param;
  return json_pack("{s:s,s:s}", "type", "string", "format", "date");
}

static json_t *timestamp_schema(const TarnParam *param) {
  (void)param;
  return json_pack("{s:s,s:s}", "type", "string", "format", "date-time");
}

static json_t *(*const scalar_schemas[])(const TarnParam *param) = {
    [TARN_PARAM_INTEGER] = integer_schema,    [TARN_PARAM_NUMBER] = real_schema, [TARN_PARAM_STRING] = string_schema,
    [TARN_PARAM_BOOLEAN] = boolean_schema,    [TARN_PARAM_ENUM] = enum_schema,   [TARN_PARAM_DATE] = date_schema,
    [TARN_PARAM_TIMESTAMP] = timestamp_schema};

static json_t *default_value(const TarnParam *param) {
  if (param->type != TARN_PARAM_ARRAY) return typed_value(param->type, param->defaults[0]);
  json_t *list = json_array();
  for (char **text = param->defaults; *text; text++) {
    json_t *items = typed_texts(param, *text);
    json_array_extend(list, items);
    json_decref(items);
  }
  return list;
}

static json_t *param_schema(const TarnParam *param) {
  gboolean array = param->type == TARN_PARAM_ARRAY;
  json_t *schema = scalar_schemas[array ? param->items : param->type](param);
  if (array)
    schema = json_pack("{s:s,s:o,s:i,s:i}", "type", "array", "items", schema, "minItems", (int)param->min_items,
                       "maxItems", (int)param->max_items);
  if (param->defaults && *param->defaults) json_object_set_new(schema, "default", default_value(param));
  if (!param->examples || !*param->examples) return schema;
  json_t *examples = json_array();
  for (char **text = param->examples; *text; text++) json_array_append_new(examples, typed_texts(param, *text));
  json_object_set_new(schema, "examples", examples);
  return schema;
}

/* The project's words, then what the schema cannot say. */
static char *describe_param(const TarnParam *param) {
  g_autoptr(GString) text = g_string_new(param->description);
  TarnParamType type = param->type == TARN_PARAM_ARRAY ? param->items : param->type;
  gboolean period = (param->minimum || param->maximum) && (type == TARN_PARAM_DATE || type == TARN_PARAM_TIMESTAMP);
  if (period) {
    g_autoptr(TarnParamReader) reader = tarn_param_reader_new(param, NULL);
    g_string_append_printf(text, "%s%s", text->len ? ": " : "", reader ? tarn_param_reader_allowed(reader) : "");
  }
  if (param->type == TARN_PARAM_ARRAY && !param->in_path)
    g_string_append_printf(text, "%sgiven several times, or once with commas", text->len ? "; " : "");
  return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static json_t *parameter(const TarnParam *param) {
  json_t *out = json_pack("{s:s,s:s,s:o}", "name", param->name, "in", param->in_path ? "path" : "query", "schema",
                          param_schema(param));
  if (param->in_path || param->required) json_object_set_new(out, "required", json_true());
  g_autofree char *description = describe_param(param);
  if (description) json_object_set_new(out, "description", json_string(description));
  return out;
}

static json_t *parameters(const TarnEndpoint *endpoint) {
  json_t *list = json_array();
  for (guint i = 0; i < endpoint->params->len; i++) json_array_append_new(list, parameter(endpoint->params->pdata[i]));
  tarn_openapi_add_shared_parameters(list);
  return list;
}

/* --- Responses -------------------------------------------------------------------------------------------------- */

static const struct {
  const char *status, *description;
  gboolean keyed; /* only where keys are needed */
  gboolean retry; /* says when to come back */
} problems[] = {
    {"401", "An API key is needed, or the one sent is not known.", .keyed = TRUE},
    {"403", "Not for this client: the API key lacks the scope, or a server without keys is asked from elsewhere."},
    {"404", "There is no such thing, or the generation was never published."},
    {"406", "None of the media types of `Accept` can be given."},
    {"410", "The generation is not kept any more."},
    {"414", "Path and query are longer than 8192 bytes."},
    {"422", "A parameter is wrong; `errors` names each."},
    {"429", "Too many requests with this API key.", .keyed = TRUE, .retry = TRUE},
    {"500", "The endpoint failed; the server's log tells why, under the request's id."},
    {"503", "Too busy, too slow, or no generation is published yet.", .retry = TRUE},
};

static json_t *problem_response(gsize i) {
  json_t *response = json_pack("{s:s,s:{s:{s:{s:s}}}}", "description", problems[i].description, "content",
                               "application/problem+json", "schema", "$ref", "#/components/schemas/Problem");
  if (problems[i].retry)
    json_object_set_new(response, "headers",
                        json_pack("{s:{s:s}}", "Retry-After", "$ref", "#/components/headers/Retry-After"));
  return response;
}

json_t *tarn_openapi_problem_responses(gboolean keyed) {
  json_t *responses = json_object();
  json_object_set_new(responses, "304", json_pack("{s:s}", "description", "The client has this answer already."));
  for (gsize i = 0; i < G_N_ELEMENTS(problems); i++)
    if (keyed || !problems[i].keyed) json_object_set_new(responses, problems[i].status, problem_response(i));
  return responses;
}

static void add_reference(json_t *responses, const char *status) {
  g_autofree char *reference = g_strdup_printf("#/components/responses/%s", status);
  json_object_set_new(responses, status, json_pack("{s:s}", "$ref", reference));
}

static json_t *headers(void) {
  static const char *const names[] = {"ETag", "X-Tarn-Generation", "X-Request-Id"};
  json_t *out = json_object();
  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *reference = g_strdup_printf("#/components/headers/%s", names[i]);
    json_object_set_new(out, names[i], json_pack("{s:s}", "$ref", reference));
  }
  return out;
}

/* Formats other than JSON are text or bytes to a schema, which is taken. */
static json_t *content(json_t *schema) {
  json_t *out = json_object();
  for (guint i = 0; i < TARN_N_FORMATS; i++) {
    const char *type = tarn_format_media_type((TarnFormat)i);
    g_autofree char *bare = g_strndup(type, strcspn(type, ";"));
    json_object_set_new(out, bare,
                        i == TARN_FORMAT_JSON ? json_pack("{s:o}", "schema", schema)
                                              : json_pack("{s:{s:s}}", "schema", "type", "string"));
  }
  return out;
}

json_t *tarn_openapi_responses(const char *description, json_t *schema, gboolean keyed) {
  json_t *out = json_object();
  json_object_set_new(
      out, "200",
      json_pack("{s:s,s:o,s:o}", "description", description, "headers", headers(), "content", content(schema)));
  add_reference(out, "304");
  for (gsize i = 0; i < G_N_ELEMENTS(problems); i++)
    if (keyed || !problems[i].keyed) add_reference(out, problems[i].status);
  return out;
}

static json_t *responses(const TarnEndpoint *endpoint, json_t *row, gboolean keyed) {
  gboolean one = endpoint->shape == TARN_SHAPE_ONE;
  json_t *schema = row ? json_incref(row) : json_pack("{s:s}", "type", "object");
  if (!one) schema = json_pack("{s:s,s:o}", "type", "array", "items", schema);
  if (endpoint->limit) json_object_set_new(schema, "maxItems", json_integer(endpoint->limit));
  return tarn_openapi_responses(one ? "One object." : "The rows.", schema, keyed);
}

void tarn_openapi_add_shared_parameters(json_t *parameters) {
  json_array_append_new(parameters, json_pack("{s:s}", "$ref", "#/components/parameters/format"));
  json_array_append_new(parameters, json_pack("{s:s}", "$ref", "#/components/parameters/generation"));
}

/* --- Operation -------------------------------------------------------------------------------------------------- */

static char *describe(const TarnEndpoint *endpoint) {
  g_autoptr(GString) text = g_string_new(NULL);
  if (endpoint->limit) g_string_append_printf(text, "At most %u rows. ", endpoint->limit);
  if (endpoint->cache_us)
    g_string_append_printf(text, "May be kept for %.15g s. ", (double)endpoint->cache_us / US_PER_SECOND);
  if (endpoint->timeout_us)
    g_string_append_printf(text, "Cancelled after %.15g s. ", (double)endpoint->timeout_us / US_PER_SECOND);
  return g_strchomp(g_string_free(g_steal_pointer(&text), FALSE));
}

json_t *tarn_openapi_operation(const TarnEndpoint *endpoint, json_t *row, gboolean keyed) {
  const char *summary = endpoint->description ? endpoint->description : endpoint->name;
  json_t *out = json_pack("{s:s,s:[s],s:s}", "operationId", endpoint->name, "tags", "endpoints", "summary", summary);
  g_autofree char *description = describe(endpoint);
  if (*description) json_object_set_new(out, "description", json_string(description));
  json_object_set_new(out, "parameters", parameters(endpoint));
  json_object_set_new(out, "responses", responses(endpoint, row, keyed));
  if (!endpoint->examples || !*endpoint->examples) return out;
  json_t *examples = json_array();
  for (char **text = endpoint->examples; *text; text++) json_array_append_new(examples, json_string(*text));
  json_object_set_new(out, "x-tarn-examples", examples);
  return out;
}
