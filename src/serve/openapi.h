/* The description of the API in OpenAPI 3.1. In: the project's endpoints, and the generation that is served, for the types
 * and notes of its columns. Out: a JSON document, made when a generation is opened, so that asking for it costs nothing.
 * Thread-safe. */
#pragma once
#include <glib.h>

#include "project/project.h"
#include "serve/served.h"

typedef struct {
  const char *name;           /* of the project */
  const GPtrArray *endpoints; /* TarnEndpoint; must outlive the description, as tables and models must */
  const char *const *tables;  /* whose rows are given by name; NULL: none */
  const GPtrArray *models;    /* TarnModel, for the descriptions of these tables */
  const char *const *routes;  /* what the server answers: other paths are left out; read in _new only */
  gboolean keyed;             /* do requests need an API key */
} TarnOpenapiOptions;

typedef struct TarnOpenapi TarnOpenapi;

/* Without types until _describe is called. */
TarnOpenapi *tarn_openapi_new(const TarnOpenapiOptions *options);
void tarn_openapi_free(TarnOpenapi *openapi); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnOpenapi, tarn_openapi_free)

/* Asks the generation for the types of what endpoints answer, without running any of them; takes about a millisecond
 * each. Where that fails the endpoint is described without types. A generation older than the last one changes nothing. */
void tarn_openapi_describe(TarnOpenapi *openapi, TarnServed *served);

/* The document as it is now, and its entity tag (quoted, the caller's). Caller unrefs. */
GBytes *tarn_openapi_document(TarnOpenapi *openapi, char **etag);
