/* The server: the published generation behind HTTP. Routes are the project's endpoints and those that every server has
 * (health, openapi.json, docs). In: the published file, endpoints, an address. Out: a running server; its requests run on threads of their
 * own. Logs one line per request where asked for, and one per failure always, on standard error. */
#pragma once
#include <glib.h>

#include "base/budget.h"
#include "project/project.h"

typedef struct {
  const char *name;          /* of the project */
  const char *database;      /* path of the published file */
  GPtrArray *endpoints;      /* TarnEndpoint; must outlive the server */
  const char *const *tables; /* that are given by name; NULL: none */
  const GPtrArray *models;   /* TarnModel, for their descriptions */
  const char *host;          /* must outlive the server, as must cors */
  guint port;                /* 0: any that is free */
  guint threads;             /* of the CPU budget: so many for I/O, some more for queries; at least 1 */
  guint64 memory_bytes;      /* DuckDB's memory_limit; 0: its default */
  guint queue;               /* requests that may wait for the engine */
  guint max_streams;         /* answers sent in blocks at once */
  guint max_connections;
  guint64 max_download;     /* of a Parquet file */
  gsize max_body;           /* of a request */
  gint64 changed_s;         /* when the project's files changed last, since 1970; 0: unknown */
  gsize cache_bytes;        /* of kept responses; 0: none */
  guint max_pinned;         /* kept generations open at once */
  gboolean inotify;         /* how a new generation is noticed at once */
  gint64 poll_us;           /* how often the file is looked at in any case */
  gint64 timeout_us;        /* of a query that names none */
  gint64 client_timeout_us; /* of what a client has to do */
  gint64 drain_timeout_us;  /* how long tarn_server_stop waits for the requests in flight */
  TarnAuth auth;            /* serve/access.h, as are the next two */
  const char *keys_path;    /* NULL: none */
  const char *const *cors;  /* NULL: none */
  guint metrics_port;       /* probes and metrics without keys on a port of their own; 0: none */
  TarnBudget budget;        /* for the metrics */
  gboolean log_json;        /* a JSON line per request; failures as JSON too */
} TarnServerOptions;

typedef struct TarnServer TarnServer;

/* Answers when this returns; without a published file it waits for the first and says so. Errors: TARN_ERROR_USAGE: an
 * endpoint does not fit, others can reach the address but there are no keys; TARN_ERROR_ENVIRONMENT: a published file
 * that cannot be served, port taken. */
TarnServer *tarn_server_start(const TarnServerOptions *options, GError **error);
/* Ends after the requests in flight are answered; those that are not in time are stopped. Accepts NULL. */
void tarn_server_stop(TarnServer *server);

guint tarn_server_port(const TarnServer *server);
const char *const *tarn_server_routes(const TarnServer *server); /* NULL-terminated */
