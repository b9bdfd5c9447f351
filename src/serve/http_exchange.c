#include <string.h>

#include "serve/http_private.h"

#define BODY_BYTES 1024 /* enough for most responses */

static TarnHttpExchange *exchange_of(const TarnHttpRequest *request) { return (TarnHttpExchange *)request; }

const char *tarn_http_request_header(const TarnHttpRequest *request, const char *name) {
  return tarn_http_head_field(&exchange_of(request)->head, name);
}

gboolean tarn_http_client_gone(const TarnHttpRequest *request) {
  return g_atomic_int_get(&exchange_of(request)->hung_up) != 0;
}

/* ---- its life ---- */

TarnHttpExchange *tarn_http_exchange_new(TarnHttpConnection *connection, const char *text, gsize size) {
  TarnHttpExchange *exchange = g_new0(TarnHttpExchange, 1);
  exchange->loop = connection->loop;
  exchange->connection = connection;
  exchange->hung_up = connection->hung_up;
  exchange->text = g_malloc(size + 1);
  memcpy(exchange->text, text, size);
  exchange->text[size] = '\0';
  exchange->request = (TarnHttpRequest){.method = "-",
                                        .target = "-",
                                        .peer = connection->peer,
                                        .loopback = connection->loopback,
                                        .body = "",
                                        .id = exchange->id,
                                        .received_us = g_get_monotonic_time()};
  return exchange;
}

static void exchange_free(TarnHttpExchange *exchange) {
  if (exchange->response.stream.ended) exchange->response.stream.ended(exchange->response.stream.user);
  tarn_http_response_clear(&exchange->response);
  tarn_http_body_clear(&exchange->body);
  g_clear_pointer(&exchange->next, g_bytes_unref);
  g_free(exchange->text);
  g_free(exchange);
}

static void tell_done(TarnHttpExchange *exchange) {
  TarnHttp *http = exchange->loop->http;
  const TarnHttpOptions *options = &http->options;
  if (options->done)
    options->done(options->user, &exchange->request, exchange->response.status, exchange->sent,
                  g_get_monotonic_time() - exchange->request.received_us);
  if (!g_atomic_int_dec_and_test(&http->in_flight) || !g_atomic_int_get(&http->draining)) return;
  g_mutex_lock(&http->mutex);
  g_cond_broadcast(&http->changed);
  g_mutex_unlock(&http->mutex);
}

void tarn_http_exchange_end(TarnHttpExchange *exchange) {
  TarnHttpLoop *loop = exchange->loop;
  if (exchange->called) tell_done(exchange);
  g_mutex_lock(&loop->mutex);
  exchange->connection = NULL;
  g_atomic_int_set(&exchange->hung_up, 1);
  gboolean last = !exchange->wanted;
  g_mutex_unlock(&loop->mutex);
  if (last) exchange_free(exchange);
}

/* ---- asking the handler ---- */

/* What is made elsewhere is counted, so that the server does not end before it is there. */
static void await(TarnHttp *http, gint by) {
  g_mutex_lock(&http->mutex);
  http->awaited += by;
  if (http->awaited == 0) g_cond_broadcast(&http->changed);
  g_mutex_unlock(&http->mutex);
}

TarnHttpTurn tarn_http_exchange_call(TarnHttpExchange *exchange, guint refused, const char *reason) {
  TarnHttp *http = exchange->loop->http;
  TarnHttpRequest *request = &exchange->request;
  if (exchange->body.bytes) {
    request->body = exchange->body.bytes->str;
    request->body_size = exchange->body.bytes->len;
  }
  tarn_request_id_choose(tarn_http_request_header(request, "X-Request-Id"),
                         tarn_http_request_header(request, "traceparent"), exchange->id);
  exchange->response = (TarnHttpResponse){
      .status = 200, .content_type = "application/json", .body = g_string_sized_new(BODY_BYTES), .request = request};
  exchange->called = TRUE;
  g_atomic_int_inc(&http->in_flight);
  if (refused) {
    http->options.refuse(http->options.user, request, refused, reason, &exchange->response);
    return TARN_HTTP_ANSWERED;
  }
  TarnHttpTurn turn = http->options.handler(http->options.user, request, &exchange->response);
  if (turn == TARN_HTTP_DEFERRED) await(http, 1);
  return turn;
}

void tarn_http_answer(TarnHttpRequest *request) {
  TarnHttpExchange *exchange = exchange_of(request);
  TarnHttpLoop *loop = exchange->loop;
  g_mutex_lock(&loop->mutex);
  exchange->ready = TRUE;
  tarn_http_loop_tell_locked(loop, exchange->connection);
  g_mutex_unlock(&loop->mutex);
  await(loop->http, -1);
}

gboolean tarn_http_exchange_is_ready(TarnHttpExchange *exchange) {
  g_mutex_lock(&exchange->loop->mutex);
  gboolean ready = exchange->ready;
  g_mutex_unlock(&exchange->loop->mutex);
  return ready;
}

/* ---- a stream ---- */

void tarn_http_stream_give(TarnHttpRequest *request, GBytes *block, TarnHttpStreamState state) {
  TarnHttpExchange *exchange = exchange_of(request);
  TarnHttpLoop *loop = exchange->loop;
  g_mutex_lock(&loop->mutex);
  exchange->wanted = FALSE;
  exchange->next = block ? block : g_bytes_new_static("", 0);
  exchange->state = state;
  gboolean gone = !exchange->connection;
  if (!gone) tarn_http_loop_tell_locked(loop, exchange->connection);
  g_mutex_unlock(&loop->mutex);
  if (gone) exchange_free(exchange);
  await(loop->http, -1);
}

/* The block behind what the connection's head holds so far, as a chunk where the client understands chunks. */
static void set_block(TarnHttpExchange *exchange, GBytes *block, gboolean last) {
  TarnHttpConnection *connection = exchange->connection;
  gsize size = g_bytes_get_size(block);
  exchange->sent += size;
  connection->block = block;
  connection->tail = NULL;
  if (!exchange->chunked) return;
  if (size > 0) g_string_append_printf(connection->head, "%" G_GSIZE_MODIFIER "x\r\n", size);
  connection->tail = size == 0 ? (last ? "0\r\n\r\n" : NULL) : last ? "\r\n0\r\n\r\n" : "\r\n";
}

static void ask_for_block(TarnHttpExchange *exchange) {
  await(exchange->loop->http, 1);
  g_mutex_lock(&exchange->loop->mutex);
  exchange->wanted = TRUE;
  g_mutex_unlock(&exchange->loop->mutex);
  exchange->response.stream.wanted(exchange->response.stream.user);
}

TarnHttpBlock tarn_http_exchange_next_block(TarnHttpExchange *exchange) {
  if (exchange->finished) return TARN_HTTP_BLOCK_NONE;
  g_mutex_lock(&exchange->loop->mutex);
  GBytes *block = g_steal_pointer(&exchange->next);
  TarnHttpStreamState state = exchange->state;
  g_mutex_unlock(&exchange->loop->mutex);
  if (!block) return TARN_HTTP_BLOCK_LATER;
  if (state == TARN_HTTP_FAILED || g_atomic_int_get(&exchange->loop->http->closing)) {
    g_bytes_unref(block);
    return TARN_HTTP_BLOCK_FAILED;
  }
  exchange->finished = state == TARN_HTTP_LAST;
  set_block(exchange, block, exchange->finished);
  if (!exchange->finished) ask_for_block(exchange);
  return TARN_HTTP_BLOCK_READY;
}

/* ---- the first bytes ---- */

static gboolean has_body(const TarnHttpExchange *exchange) {
  guint status = exchange->response.status;
  return status != 204 && status != 304 && !g_str_equal(exchange->request.method, "HEAD");
}

void tarn_http_exchange_begin(TarnHttpExchange *exchange) {
  TarnHttp *http = exchange->loop->http;
  TarnHttpResponse *made = &exchange->response;
  TarnHttpConnection *connection = exchange->connection;
  if (http->options.prepare) http->options.prepare(http->options.user, &exchange->request, made);
  exchange->begun = TRUE;
  gboolean streams = made->stream.wanted != NULL;
  GBytes *body = made->bytes ? g_steal_pointer(&made->bytes) : g_string_free_to_bytes(g_steal_pointer(&made->body));
  exchange->chunked = streams && exchange->head.minor > 0;
  if (streams && !exchange->chunked) connection->close_after = TRUE;
  tarn_http_response_write_head(exchange, streams ? -1 : (gint64)g_bytes_get_size(body), connection->head);
  exchange->finished = !streams || !has_body(exchange);
  if (!has_body(exchange)) {
    g_bytes_unref(body);
  } else if (streams) {
    set_block(exchange, body, FALSE);
    ask_for_block(exchange);
  } else {
    exchange->sent = g_bytes_get_size(body);
    connection->block = body;
  }
}
