/* HTTP/1.1 between sockets and one handler (its files are http*.c). In: an address, limits, a handler. Out: whole requests to
 * the handler, on a few I/O threads; its responses to the clients. The handler must not block: it answers at once, or says
 * that it will and answers later from any thread, so that a slow answer holds no thread here. A body may be whole (text, or
 * bytes that are shared and not copied) or a stream of blocks.
 * Clients are not trusted: bodies, heads, connections and the time that a client takes are bounded, and what two readers
 * could understand differently is refused (http_head.h). */
#pragma once
#include <glib.h>

/* Valid from the handler's call until `done` is called. */
typedef struct {
  const char *method;
  const char *target; /* the bytes between method and version: path and query, escaped */
  const char *peer;   /* the client's numeric address */
  gboolean loopback;  /* it is this machine */
  const char *body;   /* NUL-terminated behind body_size; "" where there is none */
  gsize body_size;
  const char *id;     /* what log and problem documents call it (serve/request_id.h) */
  gint64 received_us; /* when its first line was read, monotonic */
  gpointer data;      /* the handler's, for `prepare` and `done` */
} TarnHttpRequest;

/* The value of a header, name in any case; NULL: the request has none. Borrowed from the request. */
const char *tarn_http_request_header(const TarnHttpRequest *request, const char *name);

typedef struct {
  const char *name; /* static text */
  char *value;
} TarnHttpHeader;

/* A body that comes block by block. At most one block is asked for at a time, and one more is being sent. */
typedef struct {
  void (*wanted)(gpointer user); /* on an I/O thread; must not block: give the block by tarn_http_stream_give */
  void (*ended)(gpointer user);  /* the last call, on any thread: all is sent, or nobody wants the rest */
  gpointer user;
} TarnHttpStream;

/* What a handler makes. */
typedef struct {
  guint status;
  const char *content_type;       /* static text */
  GArray *headers;                /* TarnHttpHeader, others than that; NULL: none */
  GString *body;                  /* empty when the handler is called; a stream's first block */
  GBytes *bytes;                  /* the body in place of `body`, sent without a copy; NULL: none. Owned */
  TarnHttpStream stream;          /* wanted NULL: the body is whole */
  gint64 queued_us;               /* of the time until now, how long it waited for its turn */
  GError *error;                  /* why the status is 500, for the log only; the response owns it */
  const TarnHttpRequest *request; /* what it answers, borrowed; problem documents name it; may be NULL */
} TarnHttpResponse;

/* "Not Found": static text, as status lines and problem documents have it. A status that this server does not use is an
 * assertion. */
const char *tarn_http_status_phrase(guint status);

/* Sets a header, in the place of one of that name. name is static text, value is copied; no CR or LF. */
void tarn_http_response_set_header(TarnHttpResponse *response, const char *name, const char *value);
/* Borrowed; NULL: it has none of that name. */
const char *tarn_http_response_header(const TarnHttpResponse *response, const char *name);
/* Adds a name to the Vary header. */
void tarn_http_response_add_vary(TarnHttpResponse *response, const char *name);
/* Forgets what was made so far, for instance to tell of a failure instead. */
void tarn_http_response_reset(TarnHttpResponse *response);
void tarn_http_response_clear(TarnHttpResponse *response);

typedef enum {
  TARN_HTTP_ANSWERED, /* the response is made */
  TARN_HTTP_DEFERRED  /* it will be: whoever makes it calls tarn_http_answer, once */
} TarnHttpTurn;

/* Called on several threads at once. HEAD is answered like GET; the body is left out for it. */
typedef TarnHttpTurn (*TarnHttpHandler)(gpointer user, TarnHttpRequest *request, TarnHttpResponse *response);
/* Makes the response to what is no whole request: status says what is wrong, as does reason, a sentence. method and target
 * are "-" where they could not be read. */
typedef void (*TarnHttpRefuse)(gpointer user, TarnHttpRequest *request, guint status, const char *reason,
                               TarnHttpResponse *response);
/* Called on an I/O thread when the response is made, before anything of it is sent: adds headers. */
typedef void (*TarnHttpPrepare)(gpointer user, TarnHttpRequest *request, TarnHttpResponse *response);
/* Called when a response has been sent, or its client has gone. body_size: of a stream, what was sent. */
typedef void (*TarnHttpDone)(gpointer user, TarnHttpRequest *request, guint status, guint64 body_size,
                             gint64 elapsed_us);

/* The deferred response is made. From any thread; request and response are not the caller's any more. */
void tarn_http_answer(TarnHttpRequest *request);
/* Has the client closed its connection, or its side of it? From any thread, between the handler's call and `ended` or tarn_http_answer. */
gboolean tarn_http_client_gone(const TarnHttpRequest *request);

typedef enum {
  TARN_HTTP_MORE,
  TARN_HTTP_LAST,  /* this block is the last one */
  TARN_HTTP_FAILED /* the connection is cut, so that a part is never taken for the whole */
} TarnHttpStreamState;

/* The block that was wanted; block is taken and may be NULL. From any thread; `ended` may be called in it. */
void tarn_http_stream_give(TarnHttpRequest *request, GBytes *block, TarnHttpStreamState state);

typedef struct {
  const char *host;         /* name or address */
  guint port;               /* 0: any that is free */
  guint threads;            /* of I/O; at least 1 */
  guint max_connections;    /* further ones wait until one is closed */
  gsize max_body;           /* of a request, in bytes: longer ones are refused (413) */
  gint64 client_timeout_us; /* how long a client may take to send a request, stay idle, or take 64 KiB of a response */
  TarnHttpHandler handler;
  TarnHttpRefuse refuse;
  TarnHttpPrepare prepare; /* may be NULL */
  TarnHttpDone done;       /* may be NULL */
  gpointer user;
} TarnHttpOptions;

typedef struct TarnHttp TarnHttp;

/* Answers when this returns. Errors: TARN_ERROR_ENVIRONMENT: no such host, port taken. */
TarnHttp *tarn_http_start(const TarnHttpOptions *options, GError **error);
guint tarn_http_port(const TarnHttp *http);
/* Takes no new connection and waits until the requests in flight are answered, at most grace_us. FALSE: some are not. */
gboolean tarn_http_drain(TarnHttp *http, gint64 grace_us);
/* Ends: connections are closed when every deferred response is made and every block that was wanted is given, so whoever
 * makes them must be told to hurry first. Accepts NULL. */
void tarn_http_stop(TarnHttp *http);
