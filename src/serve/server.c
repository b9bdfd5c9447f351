#include "serve/server.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/nearest.h"
#include "base/version.h"
#include "lakehouse/sql.h"
#include "serve/access_log.h"
#include "serve/notes.h"
#include "serve/problem.h"
#include "serve/process_metrics.h"
#include "serve/server_private.h"

#define MAX_TARGET_BYTES 8192

static void write_not_found(const TarnServer *server, const TarnTarget *target, TarnHttpResponse *response) {
  g_autofree char *shown = g_utf8_make_valid(target->path, -1);
  g_autofree char *detail = g_strdup_printf("there is no route for %s", shown);
  const char *const *patterns = tarn_routes_patterns(server->routes), *nearest = tarn_nearest_word(shown, patterns);
  g_autofree char *near = g_strdup_printf("did you mean %s?", nearest);
  TarnJsonWriter json;
  tarn_http_problem_begin(response, &json, 404, nearest ? near : "the member routes lists those that exist", detail);
  tarn_json_key(&json, "routes");
  tarn_json_begin_array(&json);
  for (const char *const *pattern = patterns; *pattern; pattern++) tarn_json_string(&json, *pattern);
  tarn_json_end_array(&json);
  tarn_http_problem_end(&json);
}

static void write_wrong_method(const TarnHttpRequest *request, TarnHttpResponse *response) {
  g_autofree char *detail = g_strdup_printf("the method %s is not allowed here", request->method);
  tarn_http_response_set_header(response, "Allow", "GET, HEAD");
  tarn_http_problem_write(response, 405, "use GET or HEAD", detail);
}

static gboolean is_read(const TarnHttpRequest *request) {
  return g_str_equal(request->method, "GET") || g_str_equal(request->method, "HEAD");
}

/* What has no route is told to whoever has a key, whatever its scopes. */
static gboolean may_ask(TarnServer *server, const TarnResource *resource, TarnHttpRequest *request,
                        TarnHttpResponse *response) {
  TarnScope scope = resource ? resource->scope : TARN_SCOPE_ANY;
  return tarn_access_check(server->access, request, scope, &tarn_notes(request)->grant, response);
}

static TarnHttpTurn answer(TarnServer *server, const TarnResource *resource, TarnTarget *target,
                           TarnHttpRequest *request, TarnHttpResponse *response) {
  gint64 generation;
  TarnFormat format;
  if (resource->answer) {
    resource->answer(server, request, response);
    return TARN_HTTP_ANSWERED;
  }
  if (!tarn_reply_generation(target, &generation, response) ||
      !tarn_server_read_format(server, target, request, &format, response))
    return TARN_HTTP_ANSWERED;
  if (resource->make)
    return tarn_replies_begin_later(server->replies, resource->make, server, generation, request, response);
  TarnQuery *query = tarn_endpoint_plan_query(resource->plan, target, response);
  if (!query) return TARN_HTTP_ANSWERED;
  query->format = format;
  return tarn_replies_begin(server->replies, query, generation, request, response);
}

static void begin(TarnServer *server, TarnHttpRequest *request) {
  request->data = g_new0(TarnNotes, 1);
  g_atomic_int_inc(&server->in_flight);
}

static TarnHttpTurn handle(gpointer user, TarnHttpRequest *request, TarnHttpResponse *response) {
  TarnServer *server = user;
  begin(server, request);
  if (tarn_access_preflight(server->access, request, response)) return TARN_HTTP_ANSWERED;
  g_autoptr(TarnTarget) target = tarn_target_parse(request->target);
  const TarnResource *resource = tarn_routes_match(server->routes, target);
  tarn_notes(request)->route = resource ? resource->pattern : NULL;
  if (strlen(request->target) > MAX_TARGET_BYTES) {
    tarn_http_problem_write(response, 414, "send fewer or shorter parameters",
                            "the path and query are longer than 8192 bytes");
  } else if (may_ask(server, resource, request, response)) {
    if (!resource)
      write_not_found(server, target, response);
    else if (!is_read(request))
      write_wrong_method(request, response);
    else
      return answer(server, resource, target, request, response);
  }
  return TARN_HTTP_ANSWERED;
}

static const struct {
  guint status;
  const char *hint;
} refusals[] = {
    {408, "send the whole request sooner; the project can raise serve.client_timeout"},
    {413, "send less; the project can raise serve.max_body"},
    {414, "ask with a shorter path and query"},
    {431, "send fewer or shorter headers"},
};

static void refuse(gpointer user, TarnHttpRequest *request, guint status, const char *reason,
                   TarnHttpResponse *response) {
  const char *hint = NULL;
  begin(user, request);
  for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++)
    if (refusals[i].status == status) hint = refusals[i].hint;
  tarn_http_problem_write(response, status, hint, reason);
}

/* What every response says. */
static void prepare(gpointer user, TarnHttpRequest *request, TarnHttpResponse *response) {
  const TarnServer *server = user;
  char timing[96];
  gint64 elapsed_us = g_get_monotonic_time() - request->received_us;
  g_snprintf(timing, sizeof timing, "queued;dur=%d.%03d, elapsed;dur=%d.%03d", (int)(response->queued_us / 1000),
             (int)(response->queued_us % 1000), (int)(elapsed_us / 1000), (int)(elapsed_us % 1000));
  tarn_http_response_set_header(response, "Server-Timing", timing);
  tarn_notes(request)->queued_us = response->queued_us;
  tarn_access_finish(server->access, request, &tarn_notes(request)->grant, response);
  if (response->error) tarn_access_log_failure(request, response->error, server->options.log_json);
}

static void count(TarnServer *server, const TarnNotes *notes, guint status, guint64 body_size, gint64 elapsed_us) {
  char code[16];
  g_snprintf(code, sizeof code, "%u", status);
  const char *const labels[] = {notes->route ? notes->route : "none", code};
  tarn_metrics_observe(server->metrics, TARN_METRIC_REQUEST_DURATION, labels, (double)elapsed_us / 1e6);
  tarn_metrics_add(server->metrics, TARN_METRIC_RESPONSE_BYTES, labels, (double)body_size);
}

static void done(gpointer user, TarnHttpRequest *request, guint status, guint64 body_size, gint64 elapsed_us) {
  TarnServer *server = user;
  g_autofree TarnNotes *notes = g_steal_pointer(&request->data);
  count(server, notes, status, body_size, elapsed_us);
  if (server->options.log_json) tarn_access_log_request(request, notes, status, body_size, elapsed_us);
  g_atomic_int_add(&server->in_flight, -1);
}

static gboolean add_endpoint(TarnServer *server, const TarnEndpoint *endpoint, TarnScope scope, GError **error) {
  TarnEndpointPlan *plan = tarn_endpoint_plan_new(endpoint, server->plans->len, error);
  if (!plan) return FALSE;
  g_ptr_array_add(server->plans, plan);
  const TarnServedStatement statement = {endpoint->name, endpoint->sql, endpoint};
  g_array_append_val(server->statements, statement);
  TarnResource *resource = g_new(TarnResource, 1);
  *resource = (TarnResource){.pattern = endpoint->route, .scope = scope, .plan = plan};
  g_ptr_array_add(server->resources, resource);
  return tarn_routes_add(server->routes, endpoint->route, resource, error);
}

static gboolean add_resources(TarnServer *server, const TarnResource *resources, GError **error) {
  for (; resources->pattern; resources++)
    if (!tarn_routes_add(server->routes, resources->pattern, (gpointer)resources, error)) return FALSE;
  return TRUE;
}

/* The routes that every server has come first. */
static gboolean add_endpoints(TarnServer *server, GError **error) {
  const GPtrArray *endpoints = server->options.endpoints;
  if (!add_resources(server, tarn_server_operations, error) || !add_resources(server, tarn_server_pages, error) ||
      !add_resources(server, tarn_server_tables, error))
    return FALSE;
  for (guint i = 0; i < endpoints->len; i++)
    if (!add_endpoint(server, endpoints->pdata[i], TARN_SCOPE_READ, error)) return FALSE;
  return TRUE;
}

static void start_openapi(TarnServer *server) {
  const TarnOpenapiOptions openapi = {.name = server->options.name,
                                      .endpoints = server->options.endpoints,
                                      .tables = server->options.tables,
                                      .models = server->options.models,
                                      .routes = tarn_routes_patterns(server->routes),
                                      .keyed = tarn_access_keys(server->access) > 0};
  server->openapi = tarn_openapi_new(&openapi);
}

static gboolean start_generations(TarnServer *server, GError **error) {
  if (!add_endpoints(server, error)) return FALSE;
  start_openapi(server); /* which is told of generations as they are opened */
  return tarn_server_start_generations(server, error);
}

static void start_answers(TarnServer *server) {
  const TarnServerOptions *options = &server->options;
  const TarnAdmissionOptions admission = {.workers = tarn_server_workers(server), .queue = options->queue};
  server->admission = tarn_admission_new(&admission);
  const TarnAnswersOptions answers = {.admission = server->admission,
                                      .timeout_us = options->timeout_us,
                                      .max_streams = options->max_streams,
                                      .downloads = server->downloads,
                                      .log_json = options->log_json};
  server->answers = tarn_answers_new(&answers);
  const TarnRepliesOptions replies = {.current = server->current,
                                      .cache = server->cache,
                                      .answers = server->answers,
                                      .admission = server->admission,
                                      .definitions = server->definitions,
                                      .changed_s = server->options.changed_s,
                                      .private = tarn_access_keys(server->access) > 0};
  server->replies = tarn_replies_new(&replies);
}

static gboolean start_http(TarnServer *server, GError **error) {
  const TarnServerOptions *options = &server->options;
  const TarnHttpOptions http = {.host = options->host,
                                .port = options->port,
                                .threads = options->threads,
                                .max_connections = options->max_connections,
                                .max_body = options->max_body,
                                .client_timeout_us = options->client_timeout_us,
                                .handler = handle,
                                .refuse = refuse,
                                .prepare = prepare,
                                .done = done,
                                .user = server};
  server->http = tarn_http_start(&http, error);
  if (server->http && options->metrics_port) server->metrics_http = tarn_server_start_metrics(server, error);
  return server->http && (!options->metrics_port || server->metrics_http);
}

/* On the thread that watches the keys. */
static void keys_reloaded(gpointer user, guint n_keys, const GError *error) {
  TarnServer *server = user;
  tarn_metrics_set(server->metrics, TARN_METRIC_API_KEYS, NULL, n_keys);
  tarn_metrics_add(server->metrics, TARN_METRIC_API_KEYS_REFUSED, NULL, error != NULL);
  g_autofree char *message = error ? g_strdup_printf("the API keys stay as they were: %s", error->message)
                                   : g_strdup_printf("%u API keys are known now", n_keys);
  tarn_access_log_event(error ? "warning" : "info", message, error ? tarn_error_hint(error) : NULL,
                        server->options.log_json);
}

static gboolean start_access(TarnServer *server, GError **error) {
  const TarnServerOptions *options = &server->options;
  const TarnAccessOptions access = {.host = options->host,
                                    .auth = options->auth,
                                    .keys_path = options->keys_path,
                                    .origins = options->cors,
                                    .reloaded = keys_reloaded,
                                    .user = server};
  server->access = tarn_access_new(&access, error);
  if (server->access) tarn_metrics_set(server->metrics, TARN_METRIC_API_KEYS, NULL, tarn_access_keys(server->access));
  return server->access != NULL;
}

TarnServer *tarn_server_start(const TarnServerOptions *options, GError **error) {
  TarnServer *server = g_new0(TarnServer, 1);
  server->options = *options;
  server->options.database = server->database = g_strdup(options->database);
  server->metrics = tarn_metrics_new();
  tarn_process_metrics_begin(server->metrics, &options->budget, TARN_VERSION, tarn_duckdb_version());
  server->downloads = tarn_downloads_new(options->max_download);
  server->tables = tarn_tables_new(options->tables, options->models);
  server->routes = tarn_routes_new();
  server->resources = g_ptr_array_new_with_free_func(g_free);
  server->plans = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_endpoint_plan_free);
  server->statements = g_array_new(FALSE, FALSE, sizeof(TarnServedStatement));
  if (start_access(server, error) && start_generations(server, error)) {
    start_answers(server);
    if (start_http(server, error)) return server;
  }
  tarn_server_stop(server);
  return NULL;
}

void tarn_server_stop(TarnServer *server) {
  if (!server) return;
  if (server->http) tarn_http_drain(server->http, server->options.drain_timeout_us);
  tarn_admission_close(server->admission);
  tarn_http_stop(server->metrics_http);
  tarn_http_stop(server->http);
  tarn_admission_free(server->admission);
  tarn_replies_free(server->replies);
  tarn_answers_free(server->answers);
  tarn_current_stop(server->current);
  tarn_cache_free(server->cache);
  tarn_openapi_free(server->openapi);
  tarn_tables_free(server->tables);
  tarn_downloads_free(server->downloads);
  tarn_access_free(server->access);
  tarn_routes_free(server->routes);
  g_ptr_array_unref(server->resources);
  g_ptr_array_unref(server->plans);
  tarn_metrics_free(server->metrics);
  g_array_unref(server->statements);
  g_free(server->definitions);
  g_free(server->database);
  g_free(server);
}

guint tarn_server_port(const TarnServer *server) { return tarn_http_port(server->http); }
const char *const *tarn_server_routes(const TarnServer *server) { return tarn_routes_patterns(server->routes); }
