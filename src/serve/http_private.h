/* What the files http*.c share: the server, its connections, and the exchange of one request and its response. */
#pragma once
#include <arpa/inet.h>
#include <microhttpd.h>

#include "serve/http.h"

/* How many seconds the client of a connection has left is written by its I/O thread and read by the sweeper. */
typedef struct {
  GList link; /* among the server's connections; under the server's mutex */
  int fd;
  gint deadline; /* atomic: tenths of a second on the server's clock; 0: none */
  gboolean loopback;
  char peer[INET6_ADDRSTRLEN];
} TarnHttpConnection;

struct TarnHttp {
  TarnHttpOptions options;
  struct MHD_Daemon *daemon;
  int socket;
  gint64 started_us;
  GThread *sweeper;
  gint stopping; /* atomic */
  GMutex mutex;
  GCond changed;
  GQueue connections; /* TarnHttpConnection by link; under mutex */
  guint in_flight;    /* requests that are whole and whose responses are not sent yet; under mutex */
  guint awaited;      /* responses and blocks that somebody is making; under mutex */
  gboolean closing;   /* nothing more is asked for; under mutex */
};

/* The client of connection has from now on the client timeout to do what it has to, and longer for size bytes. */
void tarn_http_deadline_set(TarnHttp *http, TarnHttpConnection *connection, gsize size);
void tarn_http_deadline_clear(TarnHttpConnection *connection);

/* libmicrohttpd's callbacks for a request (http_exchange.c); user is the TarnHttp. */
void *tarn_http_exchange_begin(void *user, const char *target, struct MHD_Connection *connection);
enum MHD_Result tarn_http_exchange_step(void *user, struct MHD_Connection *connection, const char *url,
                                        const char *method, const char *version, const char *upload,
                                        size_t *upload_size, void **state);
void tarn_http_exchange_end(void *user, struct MHD_Connection *connection, void **state,
                            enum MHD_RequestTerminationCode code);
