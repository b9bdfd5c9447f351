#include "serve/access.h"

#include <gio/gio.h>
#include <string.h>

#include "base/error.h"
#include "serve/cors.h"
#include "serve/problem.h"

#define BEARER "Bearer "
#define RATE_TEXT_SIZE 200

struct TarnAccess {
  char *host;
  GStrv origins;
  TarnApiKeys *keys; /* NULL: none are needed */
  gboolean open;     /* auth: none */
};

/* --- At the start ---------------------------------------------------------------------------------------------- */

/* A name is loopback where all of its addresses are. A name without an address cannot be listened on, which whoever listens says. */
static gboolean is_loopback(const char *host) {
  g_autoptr(GInetAddress) address = g_inet_address_new_from_string(host);
  if (address) return g_inet_address_get_is_loopback(address);
  g_autoptr(GResolver) resolver = g_resolver_get_default();
  GList *found = g_resolver_lookup_by_name(resolver, host, NULL, NULL);
  gboolean loopback = TRUE;
  for (GList *item = found; item; item = item->next) loopback &= g_inet_address_get_is_loopback(item->data);
  g_resolver_free_addresses(found);
  return loopback;
}

static gboolean check_settings(const TarnAccessOptions *options, GError **error) {
  if (options->auth == TARN_AUTH_NONE && options->keys_path)
    tarn_error_set(error, TARN_ERROR_USAGE, "leave out serve.auth, or serve.keys_file and TARN_KEYS_FILE",
                   "serve.auth says that no key is needed, but there is a file of keys");
  else if (options->auth == TARN_AUTH_KEYS && !options->keys_path)
    tarn_error_set(error, TARN_ERROR_USAGE, "name the file of keys with serve.keys_file or TARN_KEYS_FILE",
                   "serve.auth says that a key is needed, but there is no file of keys");
  else if (options->auth == TARN_AUTH_AUTO && !options->keys_path && !is_loopback(options->host))
    tarn_error_set(
        error, TARN_ERROR_USAGE,
        "make a key (`tarn keys NAME --file keys`) and name the file with serve.keys_file or TARN_KEYS_FILE; or "
        "say `auth: none` under `serve` in tarn.yaml where everyone on the network may read all data",
        "others can reach the address %s, and there are no API keys", options->host);
  else
    return TRUE;
  return FALSE;
}

TarnAccess *tarn_access_new(const TarnAccessOptions *options, GError **error) {
  if (!check_settings(options, error)) return NULL;
  TarnAccess *access = g_new0(TarnAccess, 1);
  access->host = g_strdup(options->host);
  access->origins = g_strdupv((GStrv)options->origins);
  access->open = options->auth == TARN_AUTH_NONE;
  if (options->keys_path)
    access->keys = tarn_api_keys_open(options->keys_path, options->reloaded, options->user, error);
  if (access->keys || !options->keys_path) return access;
  tarn_access_free(access);
  return NULL;
}

void tarn_access_free(TarnAccess *access) {
  if (!access) return;
  tarn_api_keys_close(access->keys);
  g_strfreev(access->origins);
  g_free(access->host);
  g_free(access);
}

guint tarn_access_keys(const TarnAccess *access) { return access->keys ? tarn_api_keys_count(access->keys) : 0; }

/* --- Without keys ----------------------------------------------------------------------------------------------- */

/* The host of "host:port" or "[::1]:port". Caller frees. */
static char *host_part(const char *text) {
  if (*text == '[') return g_strndup(text + 1, strcspn(text + 1, "]"));
  return g_strndup(text, strcspn(text, ":"));
}

/* A web page can make a name of its own point at this machine (DNS rebinding), and then read what answers it; a browser that was
 * made to do so tells that name. Addresses and localhost cannot be taken over. */
static gboolean is_own_name(const TarnAccess *access, const char *given) {
  g_autofree char *host = host_part(given);
  return g_ascii_strcasecmp(host, "localhost") == 0 || g_ascii_strcasecmp(host, access->host) == 0 ||
         g_hostname_is_ip_address(host);
}

static gboolean check_neighbour(const TarnAccess *access, const TarnHttpRequest *request, TarnHttpResponse *response) {
  const char *host = tarn_http_request_header(request, "Host");
  const char *hint = "the server would have to get API keys (`tarn keys`), or `auth: none` under `serve` in tarn.yaml";
  if (!request->loopback)
    tarn_http_problem_write(response, 403, hint, "this server has no API keys and answers its own machine alone");
  else if (host && !is_own_name(access, host))
    tarn_http_problem_write(response, 403, hint,
                            "this server has no API keys and answers as localhost alone, not by another host name");
  else
    return TRUE;
  return FALSE;
}

/* --- With keys -------------------------------------------------------------------------------------------------- */

static const char *skip_spaces(const char *text) { return text + strspn(text, " "); }

/* What the client gave as its key; NULL: nothing. */
static const char *presented_key(const TarnHttpRequest *request) {
  const char *authorization = tarn_http_request_header(request, "Authorization");
  if (authorization && g_ascii_strncasecmp(authorization, BEARER, strlen(BEARER)) == 0)
    return skip_spaces(authorization + strlen(BEARER));
  return tarn_http_request_header(request, "X-API-Key");
}

static void refuse_unknown(gboolean presented, TarnHttpResponse *response) {
  const char *challenge = presented ? "Bearer realm=\"tarn\", error=\"invalid_token\"" : "Bearer realm=\"tarn\"";
  tarn_http_problem_write(
      response, 401,
      presented ? "check for a copy that was cut short; whoever runs the server can make a new key"
                : "send the header Authorization: Bearer KEY, or X-API-Key: KEY; whoever runs the server gives "
                  "out keys",
      presented ? "the API key is not known here" : "an API key is needed");
  tarn_http_response_set_header(response, "WWW-Authenticate", challenge);
}

static void refuse_scope(const TarnApiKey *key, TarnScope scope, TarnHttpResponse *response) {
  g_autofree char *needed = tarn_scopes_format(scope), *has = tarn_scopes_format(key->scopes);
  g_autofree char *detail = g_strdup_printf("this needs the scope %s; the key '%s' has %s", needed, key->name, has);
  g_autofree char *challenge =
      g_strdup_printf("Bearer realm=\"tarn\", error=\"insufficient_scope\", scope=\"%s\"", needed);
  tarn_http_problem_write(response, 403, "ask whoever runs the server for a key with that scope", detail);
  tarn_http_response_set_header(response, "WWW-Authenticate", challenge);
}

static guint64 whole_seconds(gint64 us) { return (guint64)((us + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC); }

static void refuse_rate(const TarnGrant *grant, TarnHttpResponse *response) {
  guint64 wait = whole_seconds(grant->state.retry_us);
  g_autofree char *rate = tarn_rate_format(&grant->rate), *seconds = g_strdup_printf("%" G_GUINT64_FORMAT, wait);
  g_autofree char *detail = g_strdup_printf("the rate of the key '%s', %s, is used up", grant->key, rate);
  g_autofree char *hint =
      g_strdup_printf("ask again in %s s, as Retry-After says; spread the requests, or ask for a higher rate", seconds);
  tarn_http_problem_write(response, 429, hint, detail);
  tarn_http_response_set_header(response, "Retry-After", seconds);
}

static gboolean check_key(TarnAccess *access, const TarnHttpRequest *request, TarnScope scope, TarnGrant *grant,
                          TarnHttpResponse *response) {
  const char *presented = presented_key(request);
  g_autoptr(TarnApiKey) key = presented ? tarn_api_keys_find(access->keys, presented) : NULL;
  grant->keyed = TRUE;
  if (!key) {
    refuse_unknown(presented != NULL, response);
    return FALSE;
  }
  g_strlcpy(grant->key, key->name, sizeof grant->key);
  grant->rate = *tarn_bucket_rate(key->bucket);
  grant->state = tarn_bucket_take(key->bucket, g_get_monotonic_time());
  if (!grant->state.taken) {
    refuse_rate(grant, response);
    return FALSE;
  }
  if (key->scopes & scope) return TRUE;
  refuse_scope(key, scope, response);
  return FALSE;
}

gboolean tarn_access_check(TarnAccess *access, const TarnHttpRequest *request, TarnScope scope, TarnGrant *grant,
                           TarnHttpResponse *response) {
  *grant = (TarnGrant){0};
  if (scope == TARN_SCOPE_NONE || access->open) return TRUE;
  if (access->keys) return check_key(access, request, scope, grant, response);
  return check_neighbour(access, request, response);
}

gboolean tarn_access_preflight(const TarnAccess *access, const TarnHttpRequest *request, TarnHttpResponse *response) {
  return tarn_cors_answer_preflight((const char *const *)access->origins, request, response);
}

/* --- Headers ---------------------------------------------------------------------------------------------------- */

/* RateLimit header fields as in draft-ietf-httpapi-ratelimit-headers-11: r requests are left, in t seconds all of q are there again. */
static void set_rate_headers(const TarnGrant *grant, TarnHttpResponse *response) {
  if (grant->rate.count == 0) return;
  char text[RATE_TEXT_SIZE];
  g_snprintf(text, sizeof text, "\"key\";q=%" G_GUINT64_FORMAT ";w=%" G_GUINT64_FORMAT, grant->rate.count,
             whole_seconds(grant->rate.window_us));
  tarn_http_response_set_header(response, "RateLimit-Policy", text);
  g_snprintf(text, sizeof text, "\"key\";r=%" G_GUINT64_FORMAT ";t=%" G_GUINT64_FORMAT, grant->state.left,
             whole_seconds(grant->state.full_us));
  tarn_http_response_set_header(response, "RateLimit", text);
}

/* What a key was needed for may stay in its owner's browser, but in no cache that others share; a refusal nowhere. */
static void set_cache_control(const TarnGrant *grant, TarnHttpResponse *response) {
  const char *value = tarn_http_response_header(response, "Cache-Control");
  if (response->status >= 400) {
    tarn_http_response_set_header(response, "Cache-Control", "no-store");
  } else if (grant->keyed && !value) {
    tarn_http_response_set_header(response, "Cache-Control", "private, no-cache");
  } else if (grant->keyed && !strstr(value, "private") && !strstr(value, "no-store")) {
    gboolean is_public = g_str_has_prefix(value, "public");
    g_autofree char *private =
        g_strconcat(is_public ? "private" : "private, ", is_public ? value + strlen("public") : value, NULL);
    tarn_http_response_set_header(response, "Cache-Control", private);
  }
}

static void set_default(TarnHttpResponse *response, const char *name, const char *value) {
  if (!tarn_http_response_header(response, name)) tarn_http_response_set_header(response, name, value);
}

void tarn_access_finish(const TarnAccess *access, const TarnHttpRequest *request, const TarnGrant *grant,
                        TarnHttpResponse *response) {
  tarn_cors_set_headers((const char *const *)access->origins, request, response);
  set_rate_headers(grant, response);
  set_cache_control(grant, response);
  set_default(response, "X-Content-Type-Options", "nosniff");
  set_default(response, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  set_default(response, "Referrer-Policy", "no-referrer");
}
