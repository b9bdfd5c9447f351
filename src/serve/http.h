/* HTTP/1.1 between sockets and one handler: the only user of libmicrohttpd. In: an address, a handler. Out: requests to
 * the handler, on as many threads as asked for; its responses to the clients. Bodies of requests are not read: a
 * request that has one is answered and its connection closed. */
#pragma once
#include <glib.h>

typedef struct {
  const char *method;
  const char *target; /* the bytes between method and version: path and query, escaped */
  const char *peer;   /* the client's numeric address */
  gboolean loopback;  /* it is this machine */
  const char *body;   /* NUL-terminated behind body_size; "" where there is none */
  gsize body_size;
  const char *id;      /* what log and problem documents call it (serve/request_id.h) */
  gpointer connection; /* of http.c */
} TarnHttpRequest;

/* The value of a header, name in any case; NULL: the request has none. Borrowed from the request. */
const char *tarn_http_request_header(const TarnHttpRequest *request, const char *name);

typedef struct {
  const char *name; /* static text */
  char *value;
} TarnHttpHeader;

/* What a handler makes. */
typedef struct {
  guint status;
  const char *content_type;       /* static text */
  GArray *headers;                /* TarnHttpHeader, others than that; NULL: none */
  GString *body;                  /* empty when the handler is called */
  GError *error;                  /* why the status is 500, for the log only; the response owns it */
  const TarnHttpRequest *request; /* what it answers, borrowed; problem documents name it; may be NULL */
} TarnHttpResponse;

/* Sets a header, in the place of one of that name. name is static text, value is copied; no CR or LF. */
void tarn_http_response_set_header(TarnHttpResponse *response, const char *name, const char *value);
void tarn_http_response_clear(TarnHttpResponse *response);

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
