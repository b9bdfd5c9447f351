/* What a client may keep, and how it asks whether that is still right (RFC 9110, 13; RFC 9111). An entity tag is made of what
 * an answer follows from (generation, request, format, encoding, the server's definitions), so it is exact, is known before
 * anything is run, and is equal on every server of the same project and file. Pure but for the headers; thread-safe. */
#pragma once
#include <glib.h>

#include "serve/http.h"
#include "serve/served.h"

typedef struct {
  char etag[40];     /* quoted */
  gint64 modified_s; /* Last-Modified, since 1970; 0: none is told */
} TarnFreshness;

/* definitions: a digest of the endpoints that the server has. key: the query's. format, encoding: of the body, such as
 * "json" and "gzip". */
void tarn_freshness_init(TarnFreshness *freshness, const TarnGeneration *generation, const char *definitions,
                         const char *key, const char *format, const char *encoding);

/* Does the client have it already (If-None-Match, else If-Modified-Since)? Both may be NULL. Then the answer is a 304.
 * "*" is not: only the answer tells whether there is something. */
gboolean tarn_freshness_known(const TarnFreshness *freshness, const char *if_none_match, const char *if_modified_since);

typedef struct {
  gint64 max_age_us; /* how long the client may keep it unasked; 0: it asks each time; below 0: it keeps nothing */
  gboolean private;  /* not for caches that are shared: the answer needed a key */
} TarnFreshnessPolicy;

/* ETag, Last-Modified, Cache-Control, Vary, X-Tarn-Generation: of a 200 and of a 304. */
void tarn_freshness_write(const TarnFreshness *freshness, const TarnFreshnessPolicy *policy,
                          const TarnGeneration *generation, TarnHttpResponse *response);
/* X-Tarn-Generation alone, and that nothing is to be kept: of every other answer out of a generation. */
void tarn_freshness_write_none(const TarnGeneration *generation, TarnHttpResponse *response);
