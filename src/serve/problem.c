#include "serve/problem.h"

#include <string.h>

static const struct {
  guint status;
  const char *title;
} titles[] = {
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

static const char *title_for(guint status) {
  for (gsize i = 0; i < G_N_ELEMENTS(titles); i++)
    if (titles[i].status == status) return titles[i].title;
  g_assert_not_reached();
}

/* The path where it is a URI reference as it stands, which hostile ones are not. */
static void write_instance(TarnJsonWriter *json, const char *target) {
  gsize size = strcspn(target, "?");
  for (gsize i = 0; i < size; i++)
    if (!g_ascii_isalnum(target[i]) && !strchr("-._~%!$&'()*+,;=:@/", target[i])) return;
  if (target[0] != '/') return;
  tarn_json_key(json, "instance");
  tarn_json_string_len(json, target, size);
}

void tarn_http_problem_begin(TarnHttpResponse *response, TarnJsonWriter *json, guint status, const char *hint,
                             const char *detail) {
  response->status = status;
  response->content_type = "application/problem+json";
  g_clear_pointer(&response->bytes, g_bytes_unref);
  if (!response->body) response->body = g_string_new(NULL);
  g_string_truncate(response->body, 0);
  tarn_json_init(json, response->body);
  tarn_json_begin_object(json);
  tarn_json_member_string(json, "type", "about:blank");
  tarn_json_member_string(json, "title", title_for(status));
  tarn_json_member_int(json, "status", status);
  tarn_json_member_string(json, "detail", detail);
  if (hint) tarn_json_member_string(json, "hint", hint);
  if (!response->request) return;
  write_instance(json, response->request->target);
  tarn_json_member_string(json, "request_id", response->request->id);
}

void tarn_http_problem_end(TarnJsonWriter *json) {
  tarn_json_end_object(json);
  g_string_append_c(json->out, '\n');
}

void tarn_http_problem_write(TarnHttpResponse *response, guint status, const char *hint, const char *detail) {
  TarnJsonWriter json;
  tarn_http_problem_begin(response, &json, status, hint, detail);
  tarn_http_problem_end(&json);
}
