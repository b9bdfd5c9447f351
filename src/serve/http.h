/* HTTP/1.1 between sockets and one handler: the only user of libmicrohttpd. In: an address, a handler. Out: requests to
 * the handler, on as many threads as asked for; its responses to the clients. Bodies of requests are not read: a
 * request that has one is answered and its connection closed. */
#pragma once
#include <glib.h>

typedef struct {
  const char *method;
  const char *target; /* the bytes between method and version: path and query, escaped */
} TarnHttpRequest;

/* What a handler makes. */
typedef struct {
  guint status;
  const char *content_type; /* static text */
  const char *allow;        /* static text for the Allow header; NULL: none */
  GString *body;            /* empty when the handler is called */
  GError *error;            /* why the status is 500, for the log only; the response owns it */
} TarnHttpResponse;

/* Called on several threads at once. HEAD is answered like GET; the body is left out for it. */
typedef void (*TarnHttpHandler)(gpointer user, const TarnHttpRequest *request, TarnHttpResponse *response);
/* Called when a response has been sent, or its client has gone. */
typedef void (*TarnHttpDone)(gpointer user, const TarnHttpRequest *request, guint status, guint64 body_size,
                             gint64 elapsed_us);

typedef struct {
  const char *host; /* name or address */
  guint port;       /* 0: any that is free */
  guint threads;    /* at least 1 */
  TarnHttpHandler handler;
  TarnHttpDone done; /* may be NULL */
  gpointer user;
} TarnHttpOptions;

typedef struct TarnHttp TarnHttp;

/* Answers when this returns. Errors: TARN_ERROR_ENVIRONMENT: no such host, port taken. */
TarnHttp *tarn_http_start(const TarnHttpOptions *options, GError **error);
guint tarn_http_port(const TarnHttp *http);
/* Takes no new connection, waits until requests in flight are answered, at most grace_us, then ends. Accepts NULL. */
void tarn_http_stop(TarnHttp *http, gint64 grace_us);
