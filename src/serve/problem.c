#include "serve/problem.h"

static const struct {
  guint status;
  const char *title;
} titles[] = {
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {414, "URI Too Long"},
    {422, "Unprocessable Content"},
    {500, "Internal Server Error"},
};

static const char *title_for(guint status) {
  for (gsize i = 0; i < G_N_ELEMENTS(titles); i++)
    if (titles[i].status == status) return titles[i].title;
  g_assert_not_reached();
}

void tarn_http_problem_begin(TarnHttpResponse *response, TarnJsonWriter *json, guint status, const char *hint,
                             const char *detail) {
  response->status = status;
  response->content_type = "application/problem+json";
  g_string_truncate(response->body, 0);
  tarn_json_init(json, response->body);
  tarn_json_begin_object(json);
  tarn_json_member_string(json, "type", "about:blank");
  tarn_json_member_string(json, "title", title_for(status));
  tarn_json_member_int(json, "status", status);
  tarn_json_member_string(json, "detail", detail);
  if (hint) tarn_json_member_string(json, "hint", hint);
}

void tarn_http_problem_end(TarnJsonWriter *json) { tarn_json_end_object(json); }

void tarn_http_problem_write(TarnHttpResponse *response, guint status, const char *hint, const char *detail) {
  TarnJsonWriter json;
  tarn_http_problem_begin(response, &json, status, hint, detail);
  tarn_http_problem_end(&json);
}
