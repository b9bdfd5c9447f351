#include "serve/server_private.h"

#include "serve/freshness.h"
#include "serve/health.h"
#include "serve/problem.h"

static gboolean can_write(const TarnServer *server, TarnFormat format, TarnHttpResponse *response) {
  if (format != TARN_FORMAT_PARQUET || tarn_downloads_folder(server->downloads)) return TRUE;
  tarn_http_problem_write(response, 503, "ask for csv or ndjson; its owner can give it one: TMPDIR",
                          "the server has no folder for temporary files, which Parquet needs");
  return FALSE;
}

gboolean tarn_server_read_format(const TarnServer *server, TarnTarget *target, const TarnHttpRequest *request,
                                 TarnFormat *format, TarnHttpResponse *response) {
  g_autofree char *name = NULL;
  if (!tarn_target_take(target, "format", &name)) {
    tarn_http_problem_write(response, 422, "give it once: json, ndjson, csv or parquet",
                            "parameter format: it is given more than once, or is not percent-encoded UTF-8 text");
    return FALSE;
  }
  return tarn_format_choose(name, tarn_http_request_header(request, "Accept"), format, response) &&
         can_write(server, *format, response);
}

static void answer_list(TarnServer *server, TarnHttpRequest *request, TarnHttpResponse *response) {
  (void)request;
  g_autoptr(TarnServed) served = tarn_current_take(server->current);
  if (!served) {
    tarn_health_write_waiting(server->current, response);
    return;
  }
  tarn_tables_list(server->tables, served, response);
  tarn_freshness_write_none(tarn_served_generation(served), response);
}

static TarnQuery *make_table_query(gpointer user, const TarnServed *served, const TarnHttpRequest *request,
                                   TarnHttpResponse *response) {
  const TarnServer *server = user;
  g_autoptr(TarnTarget) target = tarn_target_parse(request->target);
  TarnFormat format;
  gint64 generation;
  if (!tarn_reply_generation(target, &generation, response) ||
      !tarn_server_read_format(server, target, request, &format, response))
    return NULL;
  return tarn_tables_query(server->tables, served, target, format, tarn_http_request_header(request, "Prefer"),
                           response);
}

const TarnResource tarn_server_tables[] = {
    {TARN_TABLES_ROUTE, TARN_SCOPE_READ, .answer = answer_list},
    {TARN_TABLE_ROUTE, TARN_SCOPE_READ, .make = make_table_query},
    {NULL},
};
