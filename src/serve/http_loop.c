#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/http_private.h"

#define MAX_EVENTS 128
#define ACCEPTS_IN_A_ROW 64
#define RECEIVE_BYTES 65536u
#define LONGEST_SWEEP_US G_USEC_PER_SEC
#define SHORTEST_SWEEP_US (G_USEC_PER_SEC / 100)

/* ---- news from other threads ---- */

void tarn_http_loop_tell_locked(TarnHttpLoop *loop, TarnHttpConnection *connection) {
  gboolean told = loop->news.head != NULL;
  if (connection && !connection->has_news) {
    connection->has_news = TRUE;
    g_queue_push_tail_link(&loop->news, &connection->news_link);
  }
  const guint64 one = 1;
  if (!told && write(loop->wake, &one, sizeof one) < 0) g_warn_if_fail(errno == EAGAIN);
}

void tarn_http_loop_tell(TarnHttpLoop *loop, TarnHttpConnection *connection) {
  g_mutex_lock(&loop->mutex);
  tarn_http_loop_tell_locked(loop, connection);
  g_mutex_unlock(&loop->mutex);
}

static guint count_news(TarnHttpLoop *loop) {
  g_mutex_lock(&loop->mutex);
  guint n = loop->news.length;
  g_mutex_unlock(&loop->mutex);
  return n;
}

static TarnHttpConnection *take_news(TarnHttpLoop *loop) {
  g_mutex_lock(&loop->mutex);
  GList *link = g_queue_pop_head_link(&loop->news);
  TarnHttpConnection *connection = link ? link->data : NULL;
  if (connection) connection->has_news = FALSE;
  g_mutex_unlock(&loop->mutex);
  return connection;
}

/* What is told meanwhile is for the next round, after other events. */
static void handle_news(TarnHttpLoop *loop) {
  for (guint n = count_news(loop); n > 0; n--) {
    TarnHttpConnection *connection = take_news(loop);
    if (!connection) return;
    if (connection->phase == TARN_HTTP_ARRIVES)
      tarn_http_connection_open(loop, connection);
    else
      tarn_http_connection_advance(connection);
  }
}

/* ---- new connections ---- */

/* The client's address as numbers, an IPv4 address that came through an IPv6 socket as IPv4. */
static void read_peer(const struct sockaddr_storage *address, TarnHttpConnection *connection) {
  g_strlcpy(connection->peer, "unknown", sizeof connection->peer);
  if (address->ss_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    inet_ntop(AF_INET, &v4->sin_addr, connection->peer, sizeof connection->peer);
    connection->loopback = ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
  } else if (address->ss_family == AF_INET6) {
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
    gboolean mapped = IN6_IS_ADDR_V4MAPPED(v6);
    inet_ntop(mapped ? AF_INET : AF_INET6, mapped ? &v6->s6_addr[12] : (const void *)v6, connection->peer,
              sizeof connection->peer);
    connection->loopback = mapped ? v6->s6_addr[12] == IN_LOOPBACKNET : IN6_IS_ADDR_LOOPBACK(v6);
  }
}

static void hand_out(TarnHttpLoop *loop, int fd, const struct sockaddr_storage *address) {
  TarnHttp *http = loop->http;
  TarnHttpConnection *connection = g_new0(TarnHttpConnection, 1);
  connection->fd = fd;
  connection->link.data = connection->news_link.data = connection;
  read_peer(address, connection);
  g_atomic_int_inc(&http->connections);
  TarnHttpLoop *target = http->loops->pdata[http->next_loop++ % http->loops->len];
  if (target == loop)
    tarn_http_connection_open(loop, connection);
  else
    tarn_http_loop_tell(target, connection);
}

static gboolean has_room(const TarnHttp *http) {
  return (guint)g_atomic_int_get(&http->connections) < http->options.max_connections;
}

static void accept_some(TarnHttpLoop *loop) {
  for (guint i = 0; i < ACCEPTS_IN_A_ROW && has_room(loop->http); i++) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    int fd = accept4(loop->http->socket, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      hand_out(loop, fd, &address);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      loop->pause_until_us = loop->now_us + SHORTEST_SWEEP_US;
      return;
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return;
    }
  }
}

/* Watches the listening socket as long as there is room; waiting clients stay in the kernel's queue. */
static void update_listening(TarnHttpLoop *loop) {
  TarnHttp *http = loop->http;
  if (loop != http->loops->pdata[0] || http->socket < 0) return;
  gboolean draining = g_atomic_int_get(&http->draining) != 0;
  gboolean wanted = !draining && has_room(http) && loop->now_us >= loop->pause_until_us;
  if (wanted != loop->listens) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = http};
    epoll_ctl(loop->epoll, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, http->socket, &event);
    loop->listens = wanted;
  }
  if (!draining) return;
  close(http->socket);
  http->socket = -1;
}

/* ---- the thread ---- */

static void each_connection(TarnHttpLoop *loop, void (*call)(TarnHttpConnection *)) {
  for (GList *link = loop->all.head, *next; link; link = next) {
    next = link->next;
    call(link->data);
  }
}

static void expire_if_late(TarnHttpConnection *connection) {
  if (connection->deadline_us != 0 && connection->deadline_us < connection->loop->now_us)
    tarn_http_connection_expire(connection);
}

static gint64 sweep_interval(const TarnHttpLoop *loop) {
  if (loop->pause_until_us > loop->now_us) return SHORTEST_SWEEP_US;
  return CLAMP(loop->http->options.client_timeout_us / 4, SHORTEST_SWEEP_US, LONGEST_SWEEP_US);
}

static void handle_event(TarnHttpLoop *loop, const struct epoll_event *event) {
  if (event->data.ptr == loop) {
    guint64 count;
    if (read(loop->wake, &count, sizeof count) < 0) g_warn_if_fail(errno == EAGAIN);
  } else if (event->data.ptr == loop->http) {
    accept_some(loop);
  } else {
    TarnHttpConnection *connection = event->data.ptr;
    if (event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) connection->readable = TRUE;
    if (event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) connection->writable = TRUE;
    if (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
      connection->hung_up = TRUE;
      if (connection->exchange) g_atomic_int_set(&connection->exchange->hung_up, 1);
    }
    tarn_http_connection_advance(connection);
  }
}

static gpointer run(gpointer user) {
  TarnHttpLoop *loop = user;
  struct epoll_event events[MAX_EVENTS];
  gint64 next_sweep = 0;
  while (!g_atomic_int_get(&loop->http->closing) || loop->all.head || count_news(loop) > 0) {
    int timeout = count_news(loop) > 0 ? 0 : (int)(MAX(next_sweep - g_get_monotonic_time(), 0) / 1000) + 1;
    int n = epoll_wait(loop->epoll, events, MAX_EVENTS, timeout);
    loop->now_us = g_get_monotonic_time();
    for (int i = 0; i < n; i++) handle_event(loop, &events[i]);
    handle_news(loop);
    if (g_atomic_int_get(&loop->http->draining)) each_connection(loop, tarn_http_connection_wind_up);
    update_listening(loop);
    if (loop->now_us < next_sweep) continue;
    each_connection(loop, expire_if_late);
    next_sweep = loop->now_us + sweep_interval(loop);
  }
  return NULL;
}

static gboolean open_files(TarnHttpLoop *loop) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = loop};
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  loop->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  return loop->epoll >= 0 && loop->wake >= 0 && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &event) == 0;
}

TarnHttpLoop *tarn_http_loop_new(TarnHttp *http, GError **error) {
  TarnHttpLoop *loop = g_new0(TarnHttpLoop, 1);
  loop->http = http;
  loop->received = g_malloc(RECEIVE_BYTES);
  loop->received_size = RECEIVE_BYTES;
  g_mutex_init(&loop->mutex);
  if (open_files(loop)) return loop;
  tarn_error_set_detail(error, TARN_ERROR_ENVIRONMENT, g_strerror(errno), "raise the limit of open files (ulimit -n)",
                        "cannot start the HTTP threads");
  tarn_http_loop_free(loop);
  return NULL;
}

void tarn_http_loop_start(TarnHttpLoop *loop) { loop->thread = g_thread_new("http", run, loop); }
void tarn_http_loop_join(TarnHttpLoop *loop) { g_thread_join(g_steal_pointer(&loop->thread)); }

void tarn_http_loop_free(TarnHttpLoop *loop) {
  if (loop->epoll >= 0) close(loop->epoll);
  if (loop->wake >= 0) close(loop->wake);
  g_mutex_clear(&loop->mutex);
  g_free(loop->received);
  g_free(loop);
}
