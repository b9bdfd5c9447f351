#include "serve/problem.h"

#include <string.h>

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
  tarn_json_member_string(json, "title", tarn_http_status_phrase(status));
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
