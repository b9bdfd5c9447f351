#include <poll.h>
#include <string.h>

#include "serve/http_private.h"
#include "serve/request_id.h"

/* A longer body than the limit is read and dropped so far, so that its client reads the refusal. */
#define DRAIN_FACTOR 8
#define STREAM_BLOCK_BYTES 65536u

/* One request from its first line to the end of its response. Belongs to its I/O thread, but for what is said to be under
 * the mutex; a reference each is held by libmicrohttpd and by a block that is being made. */
typedef struct {
  TarnHttpRequest request; /* first: the handler's request is the exchange */
  TarnHttp *http;
  struct MHD_Connection *connection;
  TarnHttpConnection *client;
  char *method, *target;
  char id[TARN_REQUEST_ID_SIZE];
  GString *upload;   /* NULL: no body so far */
  gsize upload_size; /* also of what was dropped */
  gboolean too_long;
  gboolean begun;  /* the headers are read */
  gboolean called; /* the handler has been called */
  TarnHttpResponse response;
  guint64 sent;  /* bytes of the body */
  GBytes *block; /* of a stream: being sent */
  gsize offset;
  /* Under the server's mutex: */
  gboolean ready;     /* the response is made */
  gboolean suspended; /* libmicrohttpd waits for tarn_http_answer or tarn_http_stream_give */
  gboolean gone;      /* libmicrohttpd has ended it; only a block is awaited */
  gboolean wanted;    /* a block is being made */
  GBytes *next;       /* the block after that */
  TarnHttpStreamState state;
} Exchange;

static Exchange *exchange_of(const TarnHttpRequest *request) { return (Exchange *)request; }

void *tarn_http_exchange_begin(void *user, const char *target, struct MHD_Connection *connection) {
  Exchange *exchange = g_new0(Exchange, 1);
  exchange->http = user;
  exchange->connection = connection;
  exchange->client = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
  exchange->target = g_strdup(target);
  exchange->request = (TarnHttpRequest){.target = exchange->target,
                                        .peer = exchange->client->peer,
                                        .loopback = exchange->client->loopback,
                                        .body = "",
                                        .received_us = g_get_monotonic_time()};
  return exchange;
}

static void exchange_free(Exchange *exchange) {
  if (exchange->response.stream.ended) exchange->response.stream.ended(exchange->response.stream.user);
  tarn_http_response_clear(&exchange->response);
  g_clear_pointer(&exchange->block, g_bytes_unref);
  g_clear_pointer(&exchange->next, g_bytes_unref);
  if (exchange->upload) g_string_free(exchange->upload, TRUE);
  g_free(exchange->target);
  g_free(exchange->method);
  g_free(exchange);
}

/* Under the mutex. */
static void await(TarnHttp *http, gint by) {
  http->awaited += (guint)by;
  if (http->awaited == 0 && http->closing) g_cond_broadcast(&http->changed);
}

void tarn_http_exchange_end(void *user, struct MHD_Connection *connection, void **state,
                            enum MHD_RequestTerminationCode code) {
  (void)connection, (void)code;
  TarnHttp *http = user;
  Exchange *exchange = g_steal_pointer(state);
  if (!exchange) return;
  if (exchange->called && http->options.done)
    http->options.done(http->options.user, &exchange->request, exchange->response.status, exchange->sent,
                       g_get_monotonic_time() - exchange->request.received_us);
  tarn_http_deadline_set(http, exchange->client, 0);
  g_mutex_lock(&http->mutex);
  exchange->gone = TRUE;
  gboolean last = !exchange->wanted;
  if (exchange->called && --http->in_flight == 0) g_cond_broadcast(&http->changed);
  g_mutex_unlock(&http->mutex);
  if (last) exchange_free(exchange);
}

const char *tarn_http_request_header(const TarnHttpRequest *request, const char *name) {
  return MHD_lookup_connection_value(exchange_of(request)->connection, MHD_HEADER_KIND, name);
}

/* A client that closes only its sending side cannot be told from one that left, and counts as gone: so do others. */
gboolean tarn_http_client_gone(const TarnHttpRequest *request) {
  Exchange *exchange = exchange_of(request);
  g_mutex_lock(&exchange->http->mutex);
  gboolean gone = exchange->gone;
  if (!gone) {
    struct pollfd client = {.fd = exchange->client->fd, .events = POLLRDHUP};
    gone = poll(&client, 1, 0) > 0;
  }
  g_mutex_unlock(&exchange->http->mutex);
  return gone;
}

/* Under the mutex. */
static void resume(Exchange *exchange) {
  if (!exchange->suspended) return;
  exchange->suspended = FALSE;
  MHD_resume_connection(exchange->connection);
}

void tarn_http_answer(TarnHttpRequest *request) {
  Exchange *exchange = exchange_of(request);
  TarnHttp *http = exchange->http;
  g_mutex_lock(&http->mutex);
  exchange->ready = TRUE;
  await(http, -1);
  resume(exchange);
  g_mutex_unlock(&http->mutex);
}

/* ---- a stream ---- */

void tarn_http_stream_give(TarnHttpRequest *request, GBytes *block, TarnHttpStreamState state) {
  Exchange *exchange = exchange_of(request);
  TarnHttp *http = exchange->http;
  g_mutex_lock(&http->mutex);
  exchange->wanted = FALSE;
  exchange->next = block;
  exchange->state = state;
  gboolean gone = exchange->gone;
  if (!gone) resume(exchange);
  await(http, -1);
  g_mutex_unlock(&http->mutex);
  if (gone) exchange_free(exchange);
}

/* The next block becomes the current one, and the one after it is asked for. FALSE: there is none; *wait: as yet, so the
 * connection is suspended. */
static gboolean next_block(Exchange *exchange, gboolean *wait) {
  g_clear_pointer(&exchange->block, g_bytes_unref);
  g_mutex_lock(&exchange->http->mutex);
  exchange->block = g_steal_pointer(&exchange->next);
  gboolean want = exchange->block && exchange->state == TARN_HTTP_MORE && !exchange->http->closing;
  if (want) {
    exchange->wanted = TRUE;
    await(exchange->http, 1);
  }
  *wait = !exchange->block && exchange->wanted;
  if (*wait) {
    MHD_suspend_connection(exchange->connection);
    exchange->suspended = TRUE;
    tarn_http_deadline_clear(exchange->client);
  }
  g_mutex_unlock(&exchange->http->mutex);
  exchange->offset = 0;
  if (want) exchange->response.stream.wanted(exchange->response.stream.user);
  if (exchange->block) tarn_http_deadline_set(exchange->http, exchange->client, g_bytes_get_size(exchange->block));
  return exchange->block != NULL;
}

static ssize_t read_stream(void *user, uint64_t position, char *buffer, size_t size) {
  (void)position;
  Exchange *exchange = user;
  while (!exchange->block || exchange->offset == g_bytes_get_size(exchange->block)) {
    gboolean wait;
    if (next_block(exchange, &wait)) continue;
    if (wait) return 0;
    return exchange->state == TARN_HTTP_LAST ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
  }
  gsize length;
  const char *bytes = g_bytes_get_data(exchange->block, &length);
  gsize n = MIN(size, length - exchange->offset);
  memcpy(buffer, bytes + exchange->offset, n);
  exchange->offset += n;
  exchange->sent += n;
  return (ssize_t)n;
}

/* ---- the response ---- */

static void release_bytes(void *bytes) { g_bytes_unref(bytes); }

static struct MHD_Response *make_body(Exchange *exchange) {
  TarnHttpResponse *made = &exchange->response;
  if (!made->bytes) made->bytes = g_string_free_to_bytes(g_steal_pointer(&made->body));
  gsize size;
  void *data = (void *)g_bytes_get_data(made->bytes, &size); /* libmicrohttpd only reads it */
  if (!made->stream.wanted) {
    exchange->sent = size;
    tarn_http_deadline_set(exchange->http, exchange->client, size);
    return MHD_create_response_from_buffer_with_free_callback_cls(size, data, release_bytes, g_bytes_ref(made->bytes));
  }
  exchange->next = g_steal_pointer(&made->bytes);
  return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, read_stream, exchange, NULL);
}

static enum MHD_Result send_response(Exchange *exchange) {
  TarnHttp *http = exchange->http;
  TarnHttpResponse *made = &exchange->response;
  if (http->options.prepare) http->options.prepare(http->options.user, &exchange->request, made);
  struct MHD_Response *response = make_body(exchange);
  if (!response) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, made->content_type);
  MHD_add_response_header(response, "X-Request-Id", exchange->id);
  for (guint i = 0; made->headers && i < made->headers->len; i++) {
    const TarnHttpHeader *header = &g_array_index(made->headers, TarnHttpHeader, i);
    MHD_add_response_header(response, header->name, header->value);
  }
  if (g_atomic_int_get(&http->stopping)) MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
  enum MHD_Result queued = MHD_queue_response(exchange->connection, made->status, response);
  MHD_destroy_response(response);
  return queued;
}

/* ---- the request ---- */

/* Suspends unless the response is made already. */
static gboolean wait_for_answer(Exchange *exchange) {
  tarn_http_deadline_clear(exchange->client);
  g_mutex_lock(&exchange->http->mutex);
  if (!exchange->ready) {
    MHD_suspend_connection(exchange->connection);
    exchange->suspended = TRUE;
  }
  gboolean wait = !exchange->ready;
  g_mutex_unlock(&exchange->http->mutex);
  return wait;
}

/* FALSE: the server ends. */
static gboolean admit(Exchange *exchange) {
  TarnHttp *http = exchange->http;
  g_mutex_lock(&http->mutex);
  exchange->called = !http->closing;
  if (exchange->called) {
    http->in_flight++;
    await(http, 1);
  }
  g_mutex_unlock(&http->mutex);
  return exchange->called;
}

static enum MHD_Result call_handler(Exchange *exchange) {
  TarnHttp *http = exchange->http;
  if (!admit(exchange)) return MHD_NO;
  if (exchange->upload) {
    exchange->request.body = exchange->upload->str;
    exchange->request.body_size = exchange->upload->len;
  }
  exchange->response = (TarnHttpResponse){.status = MHD_HTTP_OK,
                                          .content_type = "application/json",
                                          .body = g_string_sized_new(1024),
                                          .request = &exchange->request};
  TarnHttpHandler handler = exchange->too_long ? http->options.refuse : http->options.handler;
  TarnHttpTurn turn = handler(http->options.user, &exchange->request, &exchange->response);
  if (turn == TARN_HTTP_ANSWERED) tarn_http_answer(&exchange->request);
  if (wait_for_answer(exchange)) return MHD_YES;
  return send_response(exchange);
}

static guint64 announced_size(struct MHD_Connection *connection) {
  const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
  return length ? g_ascii_strtoull(length, NULL, 10) : 0;
}

static enum MHD_Result begin_request(Exchange *exchange, const char *method) {
  exchange->begun = TRUE;
  exchange->request.method = exchange->method = g_strdup(method);
  tarn_request_id_choose(tarn_http_request_header(&exchange->request, "X-Request-Id"),
                         tarn_http_request_header(&exchange->request, "traceparent"), exchange->id);
  exchange->request.id = exchange->id;
  tarn_http_deadline_set(exchange->http, exchange->client, 0);
  exchange->too_long = announced_size(exchange->connection) > exchange->http->options.max_body;
  return exchange->too_long ? call_handler(exchange) : MHD_YES;
}

/* FALSE: the client sends on and on. */
static gboolean take_upload(Exchange *exchange, const char *upload, gsize size) {
  gsize limit = exchange->http->options.max_body;
  exchange->upload_size += size;
  if (exchange->upload_size > limit) exchange->too_long = TRUE;
  if (!exchange->upload) exchange->upload = g_string_new(NULL);
  if (exchange->too_long)
    g_string_truncate(exchange->upload, 0);
  else
    g_string_append_len(exchange->upload, upload, (gssize)size);
  return exchange->upload_size <= DRAIN_FACTOR * limit;
}

/* Called when the headers are read, with each part of the body, when the request is whole, and after each resumption. A
 * response to the first call closes the connection, which is wanted only where a body follows that nobody reads. */
enum MHD_Result tarn_http_exchange_step(void *user, struct MHD_Connection *connection, const char *url,
                                        const char *method, const char *version, const char *upload,
                                        size_t *upload_size, void **state) {
  (void)user, (void)connection, (void)url, (void)version;
  Exchange *exchange = *state;
  if (!exchange->begun) return begin_request(exchange, method);
  if (exchange->called) return send_response(exchange);
  if (*upload_size == 0) return call_handler(exchange);
  gboolean ok = take_upload(exchange, upload, *upload_size);
  *upload_size = 0;
  return ok ? MHD_YES : MHD_NO;
}
