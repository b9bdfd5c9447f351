/* What tells of the API itself: /openapi.json, and the page /docs that shows it. The page holds nothing of the project, so
 * it needs no key; what it loads does. */
#include <string.h>

#include "serve/notes.h"
#include "serve/server_private.h"
#include "serve/web.h"

static void answer_openapi(TarnServer *server, TarnHttpRequest *request, TarnHttpResponse *response) {
  g_autofree char *etag = NULL;
  g_autoptr(GBytes) document = tarn_openapi_document(server->openapi, &etag);
  const char *known = tarn_http_request_header(request, "If-None-Match");
  tarn_http_response_set_header(response, "ETag", etag);
  tarn_http_response_set_header(response, "Cache-Control", "no-cache");
  if (known && strstr(known, etag))
    response->status = 304;
  else
    response->bytes = g_steal_pointer(&document);
}

static void answer_page(TarnServer *server, TarnHttpRequest *request, TarnHttpResponse *response) {
  (void)server;
  tarn_web_answer(tarn_notes(request)->route, response);
}

const TarnResource tarn_server_pages[] = {
    {"/openapi.json", TARN_SCOPE_READ, NULL, answer_openapi},
    {"/docs", TARN_SCOPE_NONE, NULL, answer_page},
    {"/docs/docs.css", TARN_SCOPE_NONE, NULL, answer_page},
    {"/docs/docs.js", TARN_SCOPE_NONE, NULL, answer_page},
    {NULL},
};
