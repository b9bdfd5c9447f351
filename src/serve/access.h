/* Who may ask for what: API keys, scopes, rate limits, CORS, the rule for addresses, and the headers that keep answers safe in
 * browsers and caches. In: the project's settings, requests. Out: a grant, or a problem document that says what to change.
 *
 * A key is needed as soon as the server has keys. Without keys it only listens on this machine's loopback address and answers only
 * clients of this machine; what proxies tell about clients (X-Forwarded-For and the like) is never believed. auth: none opens
 * everything. Thread-safe. Messages and logs tell names of keys, never keys. */
#pragma once
#include <glib.h>

#include "project/project.h"
#include "serve/api_keys.h"
#include "serve/http.h"

typedef struct {
  const char *host;             /* that the server listens on */
  TarnAuth auth;                /* as in the project */
  const char *keys_path;        /* file or folder; NULL: none */
  const char *const *origins;   /* CORS (serve/cors.h); NULL: none */
  TarnApiKeysListener reloaded; /* may be NULL */
  gpointer user;
} TarnAccessOptions;

typedef struct TarnAccess TarnAccess;

/* Texts are copied. Errors: TARN_ERROR_USAGE: an address that others reach, but no keys; faulty keys; settings that contradict each
 * other. TARN_ERROR_ENVIRONMENT: keys that cannot be read. */
TarnAccess *tarn_access_new(const TarnAccessOptions *options, GError **error);
void tarn_access_free(TarnAccess *access);        /* accepts NULL */
guint tarn_access_keys(const TarnAccess *access); /* how many there are; 0: none is needed */

/* What a request was granted; plain data, to be kept until its response is sent. */
typedef struct {
  char key[65];          /* the key's name; "": none was needed, or none fits */
  gboolean keyed;        /* a key was needed */
  TarnRate rate;         /* the key's; count 0: no limit */
  TarnBucketState state; /* of the key's bucket */
} TarnGrant;

/* May the request have what needs this scope? FALSE: response holds the problem (401, 403, 429). Sets *grant either way. */
gboolean tarn_access_check(TarnAccess *access, const TarnHttpRequest *request, TarnScope scope, TarnGrant *grant,
                           TarnHttpResponse *response);
/* TRUE: the request was a CORS preflight, and is answered. Comes before routes and keys. */
gboolean tarn_access_preflight(const TarnAccess *access, const TarnHttpRequest *request, TarnHttpResponse *response);
/* The last word on a response's headers: CORS, rate, caching by others, what browsers may do with it. */
void tarn_access_finish(const TarnAccess *access, const TarnHttpRequest *request, const TarnGrant *grant,
                        TarnHttpResponse *response);
