/* What the files http*.c share. A loop is a thread with an epoll set; a connection belongs to one loop and is touched by
 * its thread alone. An exchange is one request and its response; it outlives its connection where a block is being made for
 * it. Other threads reach a connection only through the loop's list of those that have news. */
#pragma once
#include <arpa/inet.h>

#include "serve/http.h"
#include "serve/http_body.h"
#include "serve/http_head.h"
#include "serve/request_id.h"

typedef struct TarnHttpLoop TarnHttpLoop;
typedef struct TarnHttpConnection TarnHttpConnection;

struct TarnHttp {
  TarnHttpOptions options;
  int socket; /* the first loop's, which accepts for all; -1: closed */
  guint port;
  GPtrArray *loops;
  guint next_loop;  /* of the next connection; the first loop's */
  gint connections; /* atomic */
  gint in_flight;   /* atomic: requests that the handler has seen and whose responses are not sent yet */
  gint draining;    /* atomic: connections close after their response */
  gint closing;     /* atomic: nothing more is asked for */
  GMutex mutex;
  GCond changed; /* one of the counts is 0, while draining */
  gint awaited;  /* responses and blocks that somebody is making; under mutex */
};

struct TarnHttpLoop {
  TarnHttp *http;
  GThread *thread;
  int epoll, wake;
  gboolean listens;      /* the listening socket is watched */
  gint64 pause_until_us; /* no file descriptor was free */
  gint64 now_us;         /* when the events that are handled were got */
  GQueue all;            /* TarnHttpConnection by link */
  char *received;        /* where bytes are read to */
  gsize received_size;
  char date[40]; /* the Date header of date_s */
  gint64 date_s;
  GMutex mutex;
  GQueue news; /* TarnHttpConnection by news_link; under mutex */
};

/* One request and its response. */
typedef struct {
  TarnHttpRequest request; /* first: the handler's request is the exchange */
  TarnHttpLoop *loop;
  TarnHttpConnection *connection; /* NULL: it is closed. Under the loop's mutex where others read it */
  char *text;                     /* of the head */
  TarnHttpHead head;
  TarnHttpBody body;
  char id[TARN_REQUEST_ID_SIZE];
  gboolean called; /* the handler has seen it */
  gboolean begun;  /* the response's head is made */
  TarnHttpResponse response;
  gboolean chunked;  /* how a stream is sent */
  gboolean finished; /* there is nothing more to send than what is being sent */
  guint64 sent;      /* bytes of the body */
  gint hung_up;      /* atomic: the client has closed its side, or all */
  /* Under the loop's mutex: */
  gboolean ready;  /* the deferred response is made */
  gboolean wanted; /* a block is being made */
  GBytes *next;    /* the block after the one that is sent */
  TarnHttpStreamState state;
} TarnHttpExchange;

typedef enum {
  TARN_HTTP_ARRIVES, /* is not its loop's yet */
  TARN_HTTP_READS_HEAD,
  TARN_HTTP_READS_BODY,
  TARN_HTTP_WAITS, /* for tarn_http_answer or tarn_http_stream_give */
  TARN_HTTP_WRITES,
  TARN_HTTP_LINGERS /* what the client still sends is dropped, so that it reads the response */
} TarnHttpPhase;

struct TarnHttpConnection {
  GList link, news_link;
  gboolean has_news; /* under the loop's mutex */
  TarnHttpLoop *loop;
  int fd;
  TarnHttpPhase phase;
  gboolean readable, writable; /* as far as is known: events come once */
  gboolean hung_up;            /* the client sends no more; there may be bytes left to receive */
  gboolean ended;              /* there are none */
  gboolean close_after;
  gboolean lingers;   /* after that */
  gint64 deadline_us; /* 0: none */
  GString *input;     /* received and not used yet */
  gsize searched;     /* of the input, for the end of a head */
  TarnHttpExchange *exchange;
  /* What is being sent: three parts, of which so many bytes are sent. */
  GString *head;
  GBytes *block;
  const char *tail;
  gsize sent;
  gboolean loopback;
  char peer[INET6_ADDRSTRLEN];
};

/* ---- http_loop.c ---- */

TarnHttpLoop *tarn_http_loop_new(TarnHttp *http, GError **error);
void tarn_http_loop_start(TarnHttpLoop *loop); /* when all loops are there */
void tarn_http_loop_join(TarnHttpLoop *loop);
void tarn_http_loop_free(TarnHttpLoop *loop);
/* Wakes the loop, with news of the connection (NULL: of the server). From any thread. */
void tarn_http_loop_tell(TarnHttpLoop *loop, TarnHttpConnection *connection);
/* The same, under the loop's mutex. */
void tarn_http_loop_tell_locked(TarnHttpLoop *loop, TarnHttpConnection *connection);

/* ---- http_connection.c: on the loop's thread ---- */

void tarn_http_connection_open(TarnHttpLoop *loop, TarnHttpConnection *connection);
void tarn_http_connection_close(TarnHttpConnection *connection);
/* Goes on as far as it can; may close it. */
void tarn_http_connection_advance(TarnHttpConnection *connection);
/* Its time is over. */
void tarn_http_connection_expire(TarnHttpConnection *connection);
/* The server ends: closes it unless somebody makes its response. */
void tarn_http_connection_wind_up(TarnHttpConnection *connection);

/* ---- http_exchange.c: on the loop's thread ---- */

TarnHttpExchange *tarn_http_exchange_new(TarnHttpConnection *connection, const char *text, gsize size);
/* The connection has done with it, or is closed. */
void tarn_http_exchange_end(TarnHttpExchange *exchange);
/* Asks the handler, or, with a status, for the refusal. */
TarnHttpTurn tarn_http_exchange_call(TarnHttpExchange *exchange, guint refused, const char *reason);
/* Is the deferred response made? */
gboolean tarn_http_exchange_is_ready(TarnHttpExchange *exchange);
/* Makes the first bytes to send. */
void tarn_http_exchange_begin(TarnHttpExchange *exchange);
typedef enum {
  TARN_HTTP_BLOCK_READY,
  TARN_HTTP_BLOCK_LATER,
  TARN_HTTP_BLOCK_NONE,
  TARN_HTTP_BLOCK_FAILED
} TarnHttpBlock;
/* The next bytes to send of a stream. */
TarnHttpBlock tarn_http_exchange_next_block(TarnHttpExchange *exchange);

/* ---- http_response.c ---- */

/* Status line and headers. body_size -1: it is chunked, or ends with the connection. */
void tarn_http_response_write_head(const TarnHttpExchange *exchange, gint64 body_size, GString *out);
