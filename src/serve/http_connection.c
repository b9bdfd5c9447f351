#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/http_private.h"

#define REQUESTS_IN_A_ROW 16 /* of one connection that sends many at once, before others have their turn */
#define LINGER_US (2 * G_USEC_PER_SEC)
#define SLOWEST_BYTES_PER_SECOND 16384
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

/* ---- opening and closing ---- */

/* The client has the client timeout from now on, and longer for size bytes. */
static void set_deadline(TarnHttpConnection *connection, gsize size) {
  gint64 for_size = (gint64)(size / SLOWEST_BYTES_PER_SECOND) * G_USEC_PER_SEC;
  connection->deadline_us = connection->loop->now_us + connection->loop->http->options.client_timeout_us + for_size;
}

void tarn_http_connection_open(TarnHttpLoop *loop, TarnHttpConnection *connection) {
  const int on = 1;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = connection};
  connection->loop = loop;
  connection->phase = TARN_HTTP_READS_HEAD;
  connection->input = g_string_new(NULL);
  connection->head = g_string_new(NULL);
  connection->writable = TRUE;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  g_queue_push_tail_link(&loop->all, &connection->link);
  set_deadline(connection, 0);
  if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0) tarn_http_connection_close(connection);
}

void tarn_http_connection_close(TarnHttpConnection *connection) {
  TarnHttpLoop *loop = connection->loop;
  TarnHttp *http = loop->http;
  if (connection->exchange) tarn_http_exchange_end(connection->exchange);
  g_mutex_lock(&loop->mutex);
  if (connection->has_news) g_queue_unlink(&loop->news, &connection->news_link);
  g_mutex_unlock(&loop->mutex);
  g_queue_unlink(&loop->all, &connection->link);
  close(connection->fd);
  g_string_free(connection->input, TRUE);
  g_string_free(connection->head, TRUE);
  g_clear_pointer(&connection->block, g_bytes_unref);
  g_free(connection);
  gboolean was_full = g_atomic_int_add(&http->connections, -1) >= (gint)http->options.max_connections;
  if (was_full) tarn_http_loop_tell(http->loops->pdata[0], NULL);
}

/* Closes so that the client cannot take what it has got for the whole. */
static void cut(TarnHttpConnection *connection) {
  const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  tarn_http_connection_close(connection);
}

/* ---- receiving ---- */

/* FALSE: nothing came. */
static gboolean receive(TarnHttpConnection *connection) {
  TarnHttpLoop *loop = connection->loop;
  if (connection->ended) connection->readable = FALSE;
  if (!connection->readable) return FALSE;
  ssize_t n = recv(connection->fd, loop->received, loop->received_size, 0);
  gboolean more = n == (ssize_t)loop->received_size || connection->hung_up;
  connection->readable = n > 0 ? more : n < 0 && errno == EINTR;
  if (n > 0) {
    g_string_append_len(connection->input, loop->received, n);
    return TRUE;
  }
  connection->ended = n == 0 || (errno != EAGAIN && errno != EINTR);
  return FALSE;
}

/* ---- sending ---- */

static gsize part_size(const TarnHttpConnection *connection, guint part) {
  if (part == 0) return connection->head->len;
  if (part == 1) return connection->block ? g_bytes_get_size(connection->block) : 0;
  return connection->tail ? strlen(connection->tail) : 0;
}

static const char *part_bytes(const TarnHttpConnection *connection, guint part) {
  if (part == 0) return connection->head->str;
  return part == 1 ? g_bytes_get_data(connection->block, NULL) : connection->tail;
}

static guint parts_left(const TarnHttpConnection *connection, struct iovec left[3]) {
  gsize skip = connection->sent;
  guint n = 0;
  for (guint part = 0; part < 3; part++) {
    gsize size = part_size(connection, part), skipped = MIN(skip, size);
    skip -= skipped;
    if (skipped < size) left[n++] = (struct iovec){(void *)(part_bytes(connection, part) + skipped), size - skipped};
  }
  return n;
}

typedef enum { SENT, NOT_YET, BROKEN } Sending;

static Sending send_parts(TarnHttpConnection *connection) {
  struct iovec left[3];
  for (guint n; (n = parts_left(connection, left)) > 0;) {
    if (!connection->writable) return NOT_YET;
    const struct msghdr message = {.msg_iov = left, .msg_iovlen = n};
    ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL);
    if (sent >= 0)
      connection->sent += (gsize)sent;
    else if (errno == EAGAIN)
      connection->writable = FALSE;
    else if (errno != EINTR)
      return BROKEN;
  }
  return SENT;
}

static void nothing_to_send(TarnHttpConnection *connection) {
  g_string_truncate(connection->head, 0);
  g_clear_pointer(&connection->block, g_bytes_unref);
  connection->tail = NULL;
  connection->sent = 0;
}

/* ---- the phases: TRUE: go on with the next one at once; FALSE: wait, or it is closed ---- */

static gboolean close_now(TarnHttpConnection *connection) {
  tarn_http_connection_close(connection);
  return FALSE;
}

static gboolean begin_response(TarnHttpConnection *connection) {
  TarnHttpExchange *exchange = connection->exchange;
  connection->close_after =
      connection->close_after || !exchange->head.keep_alive || g_atomic_int_get(&connection->loop->http->draining);
  tarn_http_exchange_begin(exchange);
  connection->phase = TARN_HTTP_WRITES;
  set_deadline(connection, connection->block ? g_bytes_get_size(connection->block) : 0);
  return TRUE;
}

static gboolean refuse(TarnHttpConnection *connection, guint status, const char *reason) {
  connection->close_after = connection->lingers = TRUE;
  tarn_http_exchange_call(connection->exchange, status, reason);
  return begin_response(connection);
}

static gboolean call(TarnHttpConnection *connection) {
  connection->deadline_us = 0;
  connection->phase = TARN_HTTP_WAITS;
  if (tarn_http_exchange_call(connection->exchange, 0, NULL) == TARN_HTTP_DEFERRED) return FALSE;
  return begin_response(connection);
}

static gboolean begin_body(TarnHttpConnection *connection) {
  TarnHttpExchange *exchange = connection->exchange;
  const TarnHttpHead *head = &exchange->head;
  gsize limit = connection->loop->http->options.max_body;
  if (head->content_length > limit) return refuse(connection, 413, "the request's body is too long");
  tarn_http_body_init(&exchange->body, head, limit);
  connection->phase = TARN_HTTP_READS_BODY;
  set_deadline(connection, head->content_length);
  if (head->expects_continue && connection->input->len == 0 &&
      send(connection->fd, CONTINUE, strlen(CONTINUE), MSG_NOSIGNAL) != (ssize_t)strlen(CONTINUE))
    return close_now(connection);
  return TRUE;
}

static gboolean take_head(TarnHttpConnection *connection, gsize size) {
  const char *reason;
  TarnHttpExchange *exchange = tarn_http_exchange_new(connection, connection->input->str, size);
  connection->exchange = exchange;
  connection->searched = 0;
  g_string_erase(connection->input, 0, (gssize)size);
  guint refused = tarn_http_head_parse(exchange->text, size, &exchange->head, &reason);
  exchange->request.method = exchange->head.method ? exchange->head.method : "-";
  exchange->request.target = exchange->head.target ? exchange->head.target : "-";
  if (refused) return refuse(connection, refused, reason);
  return exchange->head.content_length > 0 || exchange->head.chunked ? begin_body(connection) : call(connection);
}

/* What is sent without end is no head. */
static gboolean refuse_long_head(TarnHttpConnection *connection) {
  gboolean first_line = !memchr(connection->input->str, '\n', MIN(connection->input->len, TARN_HTTP_MAX_HEAD_BYTES));
  connection->exchange = tarn_http_exchange_new(connection, "", 0);
  return first_line ? refuse(connection, 414, "the request's first line is longer than 32 KiB")
                    : refuse(connection, 431, "the request's head is longer than 32 KiB");
}

/* Line ends before a request are skipped (RFC 9112, 2.2). FALSE: what comes cannot become a method. */
static gboolean skip_blank(TarnHttpConnection *connection) {
  GString *input = connection->input;
  if (connection->searched > 0) return TRUE;
  gsize blank = strspn(input->str, "\r\n");
  if (blank > 0) g_string_erase(input, 0, (gssize)blank);
  return input->len == 0 || g_ascii_isgraph(input->str[0]);
}

static gboolean refuse_other_protocol(TarnHttpConnection *connection) {
  connection->exchange = tarn_http_exchange_new(connection, "", 0);
  return refuse(connection, 400, "this is no HTTP request; TLS is not spoken here");
}

static gboolean read_head(TarnHttpConnection *connection) {
  GString *input = connection->input;
  for (;;) {
    if (!skip_blank(connection)) return refuse_other_protocol(connection);
    gsize size = tarn_http_head_size(input->str, input->len, &connection->searched);
    if (size > TARN_HTTP_MAX_HEAD_BYTES || (size == 0 && input->len > TARN_HTTP_MAX_HEAD_BYTES))
      return refuse_long_head(connection);
    if (size > 0) return take_head(connection, size);
    if (!receive(connection) && !connection->readable) break;
  }
  if (connection->ended) return close_now(connection);
  return FALSE;
}

static gboolean read_body(TarnHttpConnection *connection) {
  for (;;) {
    switch (tarn_http_body_take(&connection->exchange->body, connection->input)) {
      case TARN_HTTP_BODY_WHOLE:
        return call(connection);
      case TARN_HTTP_BODY_MALFORMED:
        return refuse(connection, 400, "the request's body is not in chunks as it says");
      case TARN_HTTP_BODY_TOO_LONG:
        return refuse(connection, 413, "the request's body is too long");
      case TARN_HTTP_BODY_MORE:
        break;
    }
    if (!receive(connection) && !connection->readable) break;
  }
  if (connection->ended) return close_now(connection);
  return FALSE;
}

/* The response is sent. */
static gboolean end_response(TarnHttpConnection *connection) {
  TarnHttpExchange *exchange = g_steal_pointer(&connection->exchange);
  tarn_http_exchange_end(exchange);
  set_deadline(connection, 0);
  connection->phase = TARN_HTTP_READS_HEAD;
  if (!connection->close_after) return TRUE;
  if (!connection->lingers || connection->ended) return close_now(connection);
  shutdown(connection->fd, SHUT_WR);
  connection->phase = TARN_HTTP_LINGERS;
  connection->deadline_us = connection->loop->now_us + LINGER_US;
  return TRUE;
}

static gboolean write_on(TarnHttpConnection *connection) {
  Sending sending = send_parts(connection);
  if (sending == NOT_YET) return FALSE;
  if (sending == BROKEN) return close_now(connection);
  nothing_to_send(connection);
  connection->phase = TARN_HTTP_WAITS;
  connection->deadline_us = 0;
  switch (tarn_http_exchange_next_block(connection->exchange)) {
    case TARN_HTTP_BLOCK_READY:
      connection->phase = TARN_HTTP_WRITES;
      set_deadline(connection, connection->block ? g_bytes_get_size(connection->block) : 0);
      return TRUE;
    case TARN_HTTP_BLOCK_LATER:
      return FALSE;
    case TARN_HTTP_BLOCK_NONE:
      return end_response(connection);
    default:
      cut(connection);
      return FALSE;
  }
}

static gboolean linger(TarnHttpConnection *connection) {
  while (receive(connection) || connection->readable) g_string_truncate(connection->input, 0);
  return connection->ended ? close_now(connection) : FALSE;
}

/* There may be news: the response or a block of it is made. */
static gboolean wait_on(TarnHttpConnection *connection) {
  if (!connection->exchange->begun)
    return tarn_http_exchange_is_ready(connection->exchange) && begin_response(connection);
  return write_on(connection);
}

void tarn_http_connection_advance(TarnHttpConnection *connection) {
  static gboolean (*const steps[])(TarnHttpConnection *) = {
      [TARN_HTTP_READS_HEAD] = read_head, [TARN_HTTP_READS_BODY] = read_body, [TARN_HTTP_WAITS] = wait_on,
      [TARN_HTTP_WRITES] = write_on,      [TARN_HTTP_LINGERS] = linger,
  };
  guint requests = 0;
  while (steps[connection->phase](connection)) {
    if (connection->phase != TARN_HTTP_READS_HEAD || ++requests < REQUESTS_IN_A_ROW) continue;
    tarn_http_loop_tell(connection->loop, connection);
    return;
  }
}

/* ---- what the loop finds ---- */

void tarn_http_connection_expire(TarnHttpConnection *connection) {
  gboolean began = connection->input->len > 0 || connection->phase == TARN_HTTP_READS_BODY;
  if (connection->phase == TARN_HTTP_WRITES) {
    cut(connection);
  } else if (connection->phase == TARN_HTTP_LINGERS || !began) {
    tarn_http_connection_close(connection);
  } else {
    if (!connection->exchange) connection->exchange = tarn_http_exchange_new(connection, "", 0);
    if (refuse(connection, 408, "the request did not come in time")) tarn_http_connection_advance(connection);
  }
}

void tarn_http_connection_wind_up(TarnHttpConnection *connection) {
  gboolean idle = connection->phase == TARN_HTTP_READS_HEAD && connection->input->len == 0;
  gboolean closing = g_atomic_int_get(&connection->loop->http->closing) != 0;
  if (closing && connection->phase == TARN_HTTP_WRITES)
    cut(connection);
  else if (idle || (closing && connection->phase != TARN_HTTP_WAITS))
    tarn_http_connection_close(connection);
}
