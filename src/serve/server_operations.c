#include <string.h>

#include "base/error.h"
#include "serve/generation_metrics.h"
#include "serve/health.h"
#include "serve/problem.h"
#include "serve/process_metrics.h"
#include "serve/server_private.h"

#define METRICS_CONNECTIONS 64
#define METRICS_CLIENT_TIMEOUT_US (10 * G_USEC_PER_SEC)

static void write_status(TarnHttpResponse *response, const char *status) {
  TarnJsonWriter json;
  tarn_json_init(&json, response->body);
  tarn_json_begin_object(&json);
  tarn_json_member_string(&json, "status", status);
  tarn_json_end_object(&json);
  g_string_append_c(response->body, '\n');
  tarn_http_response_set_header(response, "Cache-Control", "no-store");
}

/* That an I/O thread answers is all that it says: it must not fail where a restart would not help. */
static void answer_livez(TarnServer *server, TarnHttpRequest *request, TarnHttpResponse *response) {
  (void)server, (void)request;
  write_status(response, "alive");
}

static void answer_readyz(TarnServer *server, TarnHttpRequest *request, TarnHttpResponse *response) {
  (void)request;
  g_autoptr(TarnServed) served = tarn_current_take(server->current);
  if (served)
    write_status(response, "ready");
  else
    tarn_http_problem_write(response, 503, "publish one with `tarn run`; the server takes it up by itself",
                            "there is no published generation yet");
}

static void answer_health(TarnServer *server, TarnHttpRequest *request, TarnHttpResponse *response) {
  (void)request;
  tarn_health_write(server->current, response);
}

static void update_queue(TarnServer *server) {
  const TarnAdmissionState state = tarn_admission_state(server->admission);
  tarn_metrics_set(server->metrics, TARN_METRIC_QUEUE_RUNNING, NULL, state.running);
  tarn_metrics_set(server->metrics, TARN_METRIC_QUEUE_WAITING, NULL, state.waiting);
  tarn_metrics_set(server->metrics, TARN_METRIC_QUEUE_REFUSED, NULL, (double)state.refused);
  tarn_metrics_set(server->metrics, TARN_METRIC_QUEUE_LIMIT, NULL, server->options.queue);
  tarn_metrics_set(server->metrics, TARN_METRIC_STREAMS, NULL, tarn_answers_streams(server->answers));
  tarn_metrics_set(server->metrics, TARN_METRIC_STREAMS_LIMIT, NULL, server->options.max_streams);
}

/* Its one row of the ledger and a figure of the engine are read here and not by a worker, so that a server whose workers are all
 * taken can still be looked at; it takes a millisecond. */
static void answer_metrics(TarnServer *server, TarnHttpRequest *request, TarnHttpResponse *response) {
  (void)request;
  g_autoptr(TarnServed) served = tarn_current_take(server->current);
  tarn_process_metrics_update(server->metrics);
  tarn_generation_metrics_update(server->metrics, served);
  tarn_run_metrics_update(server->metrics, server->options.database);
  tarn_server_update_generation_metrics(server);
  update_queue(server);
  tarn_metrics_set(server->metrics, TARN_METRIC_IN_FLIGHT, NULL, g_atomic_int_get(&server->in_flight));
  tarn_metrics_write(server->metrics, response->body);
  response->content_type = TARN_METRICS_CONTENT_TYPE;
  tarn_http_response_set_header(response, "Cache-Control", "no-store");
}

const TarnResource tarn_server_operations[] = {{"/api/v1/health", TARN_SCOPE_NONE, .answer = answer_health},
                                               {"/livez", TARN_SCOPE_NONE, .answer = answer_livez},
                                               {"/metrics", TARN_SCOPE_ADMIN, .answer = answer_metrics},
                                               {"/readyz", TARN_SCOPE_NONE, .answer = answer_readyz},
                                               {NULL}};

/* --- The address of their own ----------------------------------------------------------------------------------- */

static TarnHttpTurn handle(gpointer user, TarnHttpRequest *request, TarnHttpResponse *response) {
  TarnServer *server = user;
  g_autofree char *path = g_strndup(request->target, strcspn(request->target, "?"));
  const TarnResource *resource = tarn_server_operations;
  while (resource->pattern && !g_str_equal(resource->pattern, path)) resource++;
  if (!resource->pattern) {
    tarn_http_problem_write(response, 404, "the API has a port of its own",
                            "here are /livez, /metrics, /readyz and /api/v1/health alone");
  } else if (!g_str_equal(request->method, "GET") && !g_str_equal(request->method, "HEAD")) {
    tarn_http_response_set_header(response, "Allow", "GET, HEAD");
    tarn_http_problem_write(response, 405, "use GET or HEAD", "this is only to be read");
  } else {
    resource->answer(server, request, response);
  }
  return TARN_HTTP_ANSWERED;
}

static void refuse(gpointer user, TarnHttpRequest *request, guint status, const char *reason,
                   TarnHttpResponse *response) {
  (void)user, (void)request;
  tarn_http_problem_write(response, status, NULL, reason);
}

static void prepare(gpointer user, TarnHttpRequest *request, TarnHttpResponse *response) {
  const TarnServer *server = user;
  const TarnGrant nothing = {0};
  tarn_access_finish(server->access, request, &nothing, response);
}

TarnHttp *tarn_server_start_metrics(TarnServer *server, GError **error) {
  const TarnHttpOptions options = {.host = server->options.host,
                                   .port = server->options.metrics_port,
                                   .threads = 1,
                                   .max_connections = METRICS_CONNECTIONS,
                                   .client_timeout_us = METRICS_CLIENT_TIMEOUT_US,
                                   .handler = handle,
                                   .refuse = refuse,
                                   .prepare = prepare,
                                   .user = server};
  g_autoptr(GError) fault = NULL;
  TarnHttp *http = tarn_http_start(&options, &fault);
  if (!http)
    tarn_error_set_detail(error, TARN_ERROR_ENVIRONMENT, fault->message,
                          "the port is taken, by the API's own --port perhaps: choose another one with --metrics-port",
                          "cannot serve metrics on port %u", options.port);
  return http;
}
