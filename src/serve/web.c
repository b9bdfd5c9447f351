#include "serve/web.h"

#include "serve_web.h"

/* No script, style, picture or connection but from this server; nothing may frame the page. */
#define POLICY                                                                                     \
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; " \
  "form-action 'none'; frame-ancestors 'none'"

static const struct {
  const char *route, *name, *content_type;
} pages[] = {
    {"/docs", "docs.html", "text/html; charset=utf-8"},
    {"/docs/docs.css", "docs.css", "text/css; charset=utf-8"},
    {"/docs/docs.js", "docs.js", "text/javascript; charset=utf-8"},
};

const char *tarn_web_text(const char *name) {
  for (const TarnEmbeddedFile *file = tarn_web_files; file->path; file++)
    if (g_str_equal(file->path, name)) return file->text;
  return NULL;
}

void tarn_web_answer(const char *route, TarnHttpResponse *response) {
  for (gsize i = 0; i < G_N_ELEMENTS(pages); i++) {
    if (!g_str_equal(pages[i].route, route)) continue;
    response->content_type = pages[i].content_type;
    g_string_assign(response->body, tarn_web_text(pages[i].name));
    tarn_http_response_set_header(response, "Content-Security-Policy", POLICY);
    tarn_http_response_set_header(response, "Cache-Control", "max-age=60");
    return;
  }
  g_assert_not_reached();
}
