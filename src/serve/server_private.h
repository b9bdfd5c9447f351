/* What the files server*.c share: the server and its resources. */
#pragma once
#include "project/project.h"
#include "serve/access.h"
#include "serve/admission.h"
#include "serve/answer.h"
#include "serve/endpoint.h"
#include "serve/http.h"
#include "serve/metrics.h"
#include "serve/route.h"
#include "serve/served.h"
#include "serve/server.h"

/* What a route leads to: a query that the plan makes, or an answer at once. */
typedef struct {
  const char *pattern; /* lives as long as the server */
  TarnScope scope;     /* that a key needs */
  const TarnEndpointPlan *plan;
  void (*answer)(TarnServer *server, TarnHttpRequest *request, TarnHttpResponse *response); /* where plan is NULL */
} TarnResource;

struct TarnServer {
  TarnServerOptions options;
  TarnAccess *access;
  TarnMetrics *metrics;
  char *health_sql;
  TarnEndpoint health;
  TarnRoutes *routes;   /* pattern -> TarnResource */
  GPtrArray *resources; /* TarnResource of the endpoints */
  GPtrArray *plans;     /* TarnEndpointPlan; its number is its statement's */
  GMutex mutex;
  TarnServed *served; /* the current generation; under mutex */
  TarnAdmission *admission;
  TarnAnswers *answers;
  TarnHttp *http, *metrics_http; /* the latter may be NULL */
  gint in_flight;                /* atomic */
};

/* A reference; NULL: there is none. */
TarnServed *tarn_server_take_generation(TarnServer *server);

/* /livez, /readyz and /metrics (server_operations.c); ends with a NULL pattern. */
extern const TarnResource tarn_server_operations[];
/* Answers them alone, without keys, on an address of their own. */
TarnHttp *tarn_server_start_metrics(TarnServer *server, GError **error);
