#include "serve/cors.h"

#include "serve/problem.h"

#define MAX_SHOWN_ORIGIN 200
#define METHODS "GET, HEAD"
#define REQUEST_HEADERS \
  "Authorization, X-API-Key, X-Request-Id, traceparent, If-None-Match, If-Modified-Since, Content-Type"
#define RESPONSE_HEADERS                                                                                   \
  "ETag, X-Tarn-Generation, X-Request-Id, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, Link, " \
  "Content-Disposition"
#define PREFLIGHT_SECONDS "600"

static gboolean allows_every(const char *const *origins) { return g_strv_contains(origins, "*"); }

static gboolean allows(const char *const *origins, const char *origin) {
  return allows_every(origins) || g_strv_contains(origins, origin);
}

/* A list of origins is answered with the one that asks, so caches must tell them apart. */
static void set_origin(const char *const *origins, const char *origin, TarnHttpResponse *response) {
  gboolean every = allows_every(origins);
  if (!every) tarn_http_response_add_vary(response, "Origin");
  if (origin && allows(origins, origin))
    tarn_http_response_set_header(response, "Access-Control-Allow-Origin", every ? "*" : origin);
}

static void refuse(const char *origin, TarnHttpResponse *response) {
  g_autofree char *valid = g_utf8_make_valid(origin, (gssize)strnlen(origin, MAX_SHOWN_ORIGIN));
  g_autofree char *detail = g_strdup_printf("pages of the origin %s may not read from here", valid);
  tarn_http_problem_write(response, 403, "the project's serve.cors would have to list the origin", detail);
}

gboolean tarn_cors_answer_preflight(const char *const *origins, const TarnHttpRequest *request,
                                    TarnHttpResponse *response) {
  if (!origins || !*origins || !g_str_equal(request->method, "OPTIONS")) return FALSE;
  const char *origin = tarn_http_request_header(request, "Origin");
  if (!origin || !tarn_http_request_header(request, "Access-Control-Request-Method")) return FALSE;
  if (!allows(origins, origin)) {
    refuse(origin, response);
    return TRUE;
  }
  response->status = 204;
  tarn_http_response_set_header(response, "Access-Control-Allow-Methods", METHODS);
  tarn_http_response_set_header(response, "Access-Control-Allow-Headers", REQUEST_HEADERS);
  tarn_http_response_set_header(response, "Access-Control-Max-Age", PREFLIGHT_SECONDS);
  return TRUE;
}

void tarn_cors_set_headers(const char *const *origins, const TarnHttpRequest *request, TarnHttpResponse *response) {
  if (!origins || !*origins) return;
  const char *origin = tarn_http_request_header(request, "Origin");
  set_origin(origins, origin, response);
  if (origin && allows(origins, origin))
    tarn_http_response_set_header(response, "Access-Control-Expose-Headers", RESPONSE_HEADERS);
}
