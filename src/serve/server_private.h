/* What the files server*.c share: the server and its resources. */
#pragma once
#include "project/project.h"
#include "serve/access.h"
#include "serve/admission.h"
#include "serve/answer.h"
#include "serve/cache.h"
#include "serve/current.h"
#include "serve/endpoint.h"
#include "serve/http.h"
#include "serve/metrics.h"
#include "serve/openapi.h"
#include "serve/reply.h"
#include "serve/route.h"
#include "serve/served.h"
#include "serve/server.h"
#include "serve/tables.h"

/* What a route leads to: a query that the plan makes, or an answer at once. */
typedef struct {
  const char *pattern; /* lives as long as the server */
  TarnScope scope;     /* that a key needs */
  /* One of these: */
  const TarnEndpointPlan *plan;
  void (*answer)(TarnServer *server, TarnHttpRequest *request, TarnHttpResponse *response);
  TarnReplyMake make; /* makes the query when the generation is known; user: the server */
} TarnResource;

struct TarnServer {
  TarnServerOptions options;
  char *database; /* the options' */
  TarnAccess *access;
  TarnMetrics *metrics;
  TarnRoutes *routes;   /* pattern -> TarnResource */
  GPtrArray *resources; /* TarnResource of the endpoints */
  GPtrArray *plans;     /* TarnEndpointPlan; its number is its statement's */
  GArray *statements;   /* TarnServedStatement of the plans */
  char *definitions;    /* digest of all that answers come from but the generation */
  TarnOpenapi *openapi;
  TarnTables *tables;
  TarnDownloads *downloads;
  TarnCurrent *current;
  gint follows; /* atomic: the generation of the start is open */
  TarnCache *cache;
  TarnAdmission *admission;
  TarnAnswers *answers;
  TarnReplies *replies;
  TarnHttp *http, *metrics_http; /* the latter may be NULL */
  gint in_flight;                /* atomic */
};

/* Opens the published generation and follows it (server_generations.c); the endpoints are known. */
gboolean tarn_server_start_generations(TarnServer *server, GError **error);
/* What a scrape wants to know of generations and cache. */
void tarn_server_update_generation_metrics(TarnServer *server);
guint tarn_server_workers(const TarnServer *server); /* that run queries */

/* /api/v1/health, /livez, /readyz and /metrics (server_operations.c); ends with a NULL pattern. */
extern const TarnResource tarn_server_operations[];
/* /api/v1/tables and what is below it (server_tables.c); ends with a NULL pattern. */
extern const TarnResource tarn_server_tables[];
/* The format that the request wants, taken out of the target. FALSE: the response says what is wrong. */
gboolean tarn_server_read_format(const TarnServer *server, TarnTarget *target, const TarnHttpRequest *request,
                                 TarnFormat *format, TarnHttpResponse *response);
/* Answers them alone, without keys, on an address of their own. */
TarnHttp *tarn_server_start_metrics(TarnServer *server, GError **error);

/* /openapi.json and /docs (server_pages.c); ends with a NULL pattern. */
extern const TarnResource tarn_server_pages[];
