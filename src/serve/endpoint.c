#include "serve/endpoint.h"

#include "base/error.h"
#include "project/param.h"
#include "serve/problem.h"
#include "serve/route.h"

typedef struct {
  TarnParamReader *reader;
  const char *name;
  gint segment; /* of the path; -1: in the query */
} Parameter;

struct TarnEndpointPlan {
  const TarnEndpoint *endpoint;
  guint statement;
  GArray *parameters; /* of Parameter */
};

static void parameter_clear(gpointer parameter) { tarn_param_reader_free(((Parameter *)parameter)->reader); }

static gboolean add_parameter(TarnEndpointPlan *plan, const TarnParam *spec, GError **error) {
  Parameter parameter = {.name = spec->name, .segment = -1};
  if (spec->in_path && (parameter.segment = tarn_route_segment(plan->endpoint->route, spec->name)) < 0) {
    tarn_error_set(error, TARN_ERROR_USAGE, "write it in braces into the route", "the route %s has no {%s}",
                   plan->endpoint->route, spec->name);
    return FALSE;
  }
  parameter.reader = tarn_param_reader_new(spec, error);
  if (!parameter.reader) return FALSE;
  g_array_append_val(plan->parameters, parameter);
  return TRUE;
}

TarnEndpointPlan *tarn_endpoint_plan_new(const TarnEndpoint *endpoint, guint statement, GError **error) {
  g_autoptr(TarnEndpointPlan) plan = g_new0(TarnEndpointPlan, 1);
  plan->endpoint = endpoint;
  plan->statement = statement;
  plan->parameters = g_array_new(FALSE, FALSE, sizeof(Parameter));
  g_array_set_clear_func(plan->parameters, parameter_clear);
  for (guint i = 0; endpoint->params && i < endpoint->params->len; i++) {
    if (add_parameter(plan, endpoint->params->pdata[i], error)) continue;
    g_prefix_error(error, "endpoint %s: ", endpoint->name);
    return NULL;
  }
  return g_steal_pointer(&plan);
}

void tarn_endpoint_plan_free(TarnEndpointPlan *plan) {
  if (!plan) return;
  g_array_unref(plan->parameters);
  g_free(plan);
}

static const Parameter *parameter_at(const TarnEndpointPlan *plan, guint i) {
  return &g_array_index(plan->parameters, Parameter, i);
}

static const Parameter *find_parameter(const TarnEndpointPlan *plan, const char *name) {
  for (guint i = 0; i < plan->parameters->len; i++)
    if (g_strcmp0(parameter_at(plan, i)->name, name) == 0) return parameter_at(plan, i);
  return NULL;
}

gboolean tarn_endpoint_plan_check(const TarnEndpointPlan *plan, TarnServedWorker *worker, GError **error) {
  TarnStatement *statement = tarn_served_worker_statement(worker, plan->statement);
  for (guint i = 1; i <= tarn_statement_n_parameters(statement); i++) {
    g_autofree char *name = tarn_statement_parameter_name(statement, i);
    if (find_parameter(plan, name)) continue;
    tarn_error_set(error, TARN_ERROR_USAGE, "declare it under params in the front matter",
                   "endpoint %s: its SQL uses $%s, which is no parameter", plan->endpoint->name, name);
    return FALSE;
  }
  return TRUE;
}

/* What is wrong with the request's parameters. */
typedef struct {
  const char *parameter; /* borrowed; NULL: its name cannot be read */
  const char *place;
  char *detail;
} Fault;

static void fault_clear(gpointer fault) { g_free(((Fault *)fault)->detail); }

static void add_fault(GArray *faults, const char *parameter, gboolean in_path, char *detail) {
  const Fault fault = {parameter, in_path ? "path" : "query", detail};
  g_array_append_val(faults, fault);
}

/* Adds one given value: an array's elements are separated by commas. */
static void add_given(const Parameter *parameter, const char *value, const char *raw, GPtrArray *texts) {
  if (tarn_param_reader_spec(parameter->reader)->type != TARN_PARAM_ARRAY) {
    g_ptr_array_add(texts, g_strdup(value));
    return;
  }
  g_autoptr(GPtrArray) pieces = tarn_target_split(raw, parameter->segment < 0);
  g_ptr_array_set_free_func(pieces, NULL);
  g_ptr_array_extend(texts, pieces, NULL, NULL);
}

/* The texts that the request gives for a parameter; NULL for one that cannot be read. */
static GPtrArray *given_texts(const Parameter *parameter, const TarnTarget *target) {
  GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);
  if (parameter->segment >= 0) {
    g_autofree char *raw = tarn_target_raw_segment(target, (guint)parameter->segment);
    add_given(parameter, target->segments->pdata[parameter->segment], raw, texts);
  }
  for (guint i = 0; parameter->segment < 0 && i < target->query->len; i++) {
    const TarnTargetParameter *candidate = target->query->pdata[i];
    if (g_strcmp0(candidate->name, parameter->name) == 0) add_given(parameter, candidate->value, candidate->raw, texts);
  }
  return texts;
}

/* What is wrong with it, the caller's; NULL: nothing, *value is set and borrows from texts. */
static char *read_texts(const Parameter *parameter, const GPtrArray *texts, TarnValue *value) {
  const char *const *given = (const char *const *)texts->pdata;
  for (guint i = 0; i < texts->len; i++)
    if (!given[i]) return g_strdup("it is not percent-encoded UTF-8 text");
  return tarn_param_read(parameter->reader, given, texts->len, value);
}

/* Adds the value to the query, or what is wrong with it to faults. */
static void read_parameter(const Parameter *parameter, const TarnTarget *target, TarnQuery *query, GArray *faults) {
  g_autoptr(GPtrArray) texts = given_texts(parameter, target);
  TarnValue value = tarn_value_null();
  char *detail = NULL;
  if (texts->len > 0)
    detail = read_texts(parameter, texts, &value);
  else if (tarn_param_reader_spec(parameter->reader)->required)
    detail = g_strdup_printf("it is required: %s", tarn_param_reader_allowed(parameter->reader));
  gboolean absent = texts->len == 0 && !detail;
  if (detail) add_fault(faults, parameter->name, parameter->segment >= 0, detail);
  tarn_query_add_value(query, parameter->name, absent ? tarn_param_reader_default(parameter->reader) : &value);
  tarn_value_clear(&value);
}

static char *query_names(const TarnEndpointPlan *plan) {
  g_autoptr(GString) names = g_string_new(NULL);
  for (guint i = 0; i < plan->parameters->len; i++)
    if (parameter_at(plan, i)->segment < 0)
      g_string_append_printf(names, "%s%s", names->len ? ", " : "", parameter_at(plan, i)->name);
  return g_string_free(g_steal_pointer(&names), FALSE);
}

/* A parameter that nobody reads is a mistake, which must not look like an answer to what was meant. */
static void refuse_unknown(const TarnEndpointPlan *plan, const TarnTarget *target, GArray *faults) {
  for (guint i = 0; i < target->query->len; i++) {
    const TarnTargetParameter *parameter = target->query->pdata[i];
    const Parameter *known = parameter->name ? find_parameter(plan, parameter->name) : NULL;
    if (known && known->segment < 0) continue;
    g_autofree char *names = query_names(plan);
    add_fault(faults, parameter->name, FALSE,
              *names ? g_strdup_printf("there is no such parameter; allowed: %s", names)
                     : g_strdup("this endpoint takes no parameters"));
  }
}

static void write_faults(const GArray *faults, TarnHttpResponse *response) {
  const Fault *first = &g_array_index(faults, Fault, 0);
  g_autofree char *detail =
      g_strdup_printf("parameter %s: %s", first->parameter ? first->parameter : "(unreadable)", first->detail);
  TarnJsonWriter json;
  tarn_http_problem_begin(response, &json, 422, "the member errors names each; /docs tells what they take", detail);
  tarn_json_key(&json, "errors");
  tarn_json_begin_array(&json);
  for (guint i = 0; i < faults->len; i++) {
    const Fault *fault = &g_array_index(faults, Fault, i);
    tarn_json_begin_object(&json);
    tarn_json_member_string(&json, "parameter", fault->parameter);
    tarn_json_member_string(&json, "in", fault->place);
    tarn_json_member_string(&json, "detail", fault->detail);
    tarn_json_end_object(&json);
  }
  tarn_json_end_array(&json);
  tarn_http_problem_end(&json);
}

TarnQuery *tarn_endpoint_plan_query(const TarnEndpointPlan *plan, const TarnTarget *target,
                                    TarnHttpResponse *response) {
  const TarnEndpoint *endpoint = plan->endpoint;
  g_autoptr(GArray) faults = g_array_new(FALSE, FALSE, sizeof(Fault));
  g_array_set_clear_func(faults, fault_clear);
  g_autoptr(TarnQuery) query = tarn_query_new(endpoint->route);
  query->statement = (gint)plan->statement;
  query->name = endpoint->name;
  query->shape = endpoint->shape;
  query->not_found = endpoint->not_found;
  query->max_rows = endpoint->limit;
  query->max_age_us = endpoint->cache_us;
  query->timeout_us = endpoint->timeout_us;
  for (guint i = 0; i < plan->parameters->len; i++) read_parameter(parameter_at(plan, i), target, query, faults);
  refuse_unknown(plan, target, faults);
  if (faults->len == 0) return g_steal_pointer(&query);
  write_faults(faults, response);
  return NULL;
}
