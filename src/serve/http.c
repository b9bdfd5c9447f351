#include "serve/http.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/http_private.h"

#define BACKLOG 1024
#define TICK_US (G_USEC_PER_SEC / 10)
#define SLOWEST_BYTES_PER_TICK 1638 /* 64 KiB in four seconds */

/* ---- how long clients may take ---- */

static gint ticks(const TarnHttp *http, gint64 now_us) { return (gint)((now_us - http->started_us) / TICK_US) + 1; }

void tarn_http_deadline_set(TarnHttp *http, TarnHttpConnection *connection, gsize size) {
  gint allowed = (gint)(http->options.client_timeout_us / TICK_US) + (gint)(size / SLOWEST_BYTES_PER_TICK) + 1;
  g_atomic_int_set(&connection->deadline, ticks(http, g_get_monotonic_time()) + allowed);
}

void tarn_http_deadline_clear(TarnHttpConnection *connection) { g_atomic_int_set(&connection->deadline, 0); }

/* Ends the connections whose clients are late: libmicrohttpd's own timeout starts again with every byte, which a slow
 * client uses. A socket that is shut down is seen, and closed, by its I/O thread. */
static void sweep(TarnHttp *http) {
  gint now = ticks(http, g_get_monotonic_time());
  for (GList *link = http->connections.head; link; link = link->next) {
    TarnHttpConnection *connection = link->data;
    gint deadline = g_atomic_int_get(&connection->deadline);
    if (deadline != 0 && deadline < now) shutdown(connection->fd, SHUT_RDWR);
  }
}

static gpointer sweep_until_end(gpointer user) {
  TarnHttp *http = user;
  g_mutex_lock(&http->mutex);
  gint64 next = g_get_monotonic_time();
  while (!http->closing) {
    if (g_cond_wait_until(&http->changed, &http->mutex, next)) continue;
    sweep(http);
    next = g_get_monotonic_time() + CLAMP(http->options.client_timeout_us / 4, TICK_US, G_USEC_PER_SEC);
  }
  g_mutex_unlock(&http->mutex);
  return NULL;
}

/* ---- connections ---- */

/* The client's address as numbers, an IPv4 address that came through an IPv6 socket as IPv4. */
static void read_peer(const struct sockaddr *address, TarnHttpConnection *connection) {
  g_strlcpy(connection->peer, "unknown", sizeof connection->peer);
  if (address && address->sa_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    inet_ntop(AF_INET, &v4->sin_addr, connection->peer, sizeof connection->peer);
    connection->loopback = ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
  } else if (address && address->sa_family == AF_INET6) {
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
    gboolean mapped = IN6_IS_ADDR_V4MAPPED(v6);
    inet_ntop(mapped ? AF_INET : AF_INET6, mapped ? &v6->s6_addr[12] : (const void *)v6, connection->peer,
              sizeof connection->peer);
    connection->loopback = mapped ? v6->s6_addr[12] == IN_LOOPBACKNET : IN6_IS_ADDR_LOOPBACK(v6);
  }
}

static void connection_open(TarnHttp *http, struct MHD_Connection *connection, void **context) {
  TarnHttpConnection *client = g_new0(TarnHttpConnection, 1);
  client->link.data = client;
  client->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  read_peer(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr, client);
  tarn_http_deadline_set(http, client, 0);
  *context = client;
  g_mutex_lock(&http->mutex);
  g_queue_push_tail_link(&http->connections, &client->link);
  g_mutex_unlock(&http->mutex);
}

static void connection_close(TarnHttp *http, TarnHttpConnection *client) {
  g_mutex_lock(&http->mutex);
  g_queue_unlink(&http->connections, &client->link);
  g_mutex_unlock(&http->mutex);
  g_free(client);
}

static void on_connection(void *user, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what) {
  if (what == MHD_CONNECTION_NOTIFY_STARTED)
    connection_open(user, connection, context);
  else
    connection_close(user, g_steal_pointer(context));
}

/* Targets are decoded by their reader, which keeps an escaped slash from becoming a separator. */
static size_t leave_escaped(void *user, struct MHD_Connection *connection, char *text) {
  (void)user, (void)connection;
  return strlen(text);
}

/* ---- the server ---- */

static int listen_at(const struct addrinfo *address) {
  int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address->ai_protocol);
  if (fd < 0) return -1;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;
  int saved = errno;
  close(fd);
  errno = saved;
  return -1;
}

static const char *hint_for_listen(int errno_value) {
  switch (errno_value) {
    case EADDRINUSE:
      return "another program has the port: stop it, or choose another port with --port or PORT";
    case EACCES:
      return "ports below 1024 need more rights: choose another with --port or PORT";
    default:
      return "check --host: it must be an address of this machine";
  }
}

static int open_socket(const char *host, guint port, GError **error) {
  const struct addrinfo wanted = {
      .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
  struct addrinfo *found = NULL;
  g_autofree char *service = g_strdup_printf("%u", port);
  int failure = getaddrinfo(host, service, &wanted, &found);
  if (failure != 0) {
    tarn_error_set_detail(error, TARN_ERROR_ENVIRONMENT, gai_strerror(failure),
                          "give --host an address of this machine, such as 127.0.0.1 or 0.0.0.0",
                          "cannot listen on the host '%s'", host);
    return -1;
  }
  int fd = -1;
  for (const struct addrinfo *address = found; address && fd < 0; address = address->ai_next) fd = listen_at(address);
  int saved = errno;
  freeaddrinfo(found);
  if (fd < 0)
    tarn_error_set_detail(error, TARN_ERROR_ENVIRONMENT, g_strerror(saved), hint_for_listen(saved),
                          "cannot listen on %s port %u", host, port);
  return fd;
}

static struct MHD_Daemon *start_daemon(TarnHttp *http) {
  const TarnHttpOptions *options = &http->options;
  /* clang-format off */
  return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                          tarn_http_exchange_step, http,
                          MHD_OPTION_LISTEN_SOCKET, http->socket,
                          MHD_OPTION_THREAD_POOL_SIZE, options->threads,
                          MHD_OPTION_CONNECTION_LIMIT, MAX(options->max_connections, options->threads),
                          MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
                          MHD_OPTION_URI_LOG_CALLBACK, tarn_http_exchange_begin, http,
                          MHD_OPTION_NOTIFY_COMPLETED, tarn_http_exchange_end, http,
                          MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
                          MHD_OPTION_END);
  /* clang-format on */
}

/* libmicrohttpd must not be stopped while a connection is suspended. */
static void close_and_wait(TarnHttp *http) {
  g_mutex_lock(&http->mutex);
  http->closing = TRUE;
  g_cond_broadcast(&http->changed);
  while (http->awaited > 0) g_cond_wait(&http->changed, &http->mutex);
  g_mutex_unlock(&http->mutex);
  g_thread_join(http->sweeper);
}

static void http_free(TarnHttp *http) {
  if (http->socket >= 0) close(http->socket);
  g_mutex_clear(&http->mutex);
  g_cond_clear(&http->changed);
  g_free(http);
}

TarnHttp *tarn_http_start(const TarnHttpOptions *options, GError **error) {
  TarnHttp *http = g_new0(TarnHttp, 1);
  http->options = *options;
  http->started_us = g_get_monotonic_time();
  g_mutex_init(&http->mutex);
  g_cond_init(&http->changed);
  http->socket = open_socket(options->host, options->port, error);
  if (http->socket >= 0 && !(http->daemon = start_daemon(http)))
    tarn_error_set(error, TARN_ERROR_ENVIRONMENT, "raise the limits of threads and open files",
                   "cannot start the HTTP threads");
  if (http->daemon) {
    http->sweeper = g_thread_new("slow-clients", sweep_until_end, http);
    return http;
  }
  http_free(http);
  return NULL;
}

guint tarn_http_port(const TarnHttp *http) {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } address;
  socklen_t size = sizeof address;
  if (getsockname(http->socket, &address.any, &size) != 0) return http->options.port;
  return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

gboolean tarn_http_drain(TarnHttp *http, gint64 grace_us) {
  g_atomic_int_set(&http->stopping, 1);
  MHD_quiesce_daemon(http->daemon);
  gint64 deadline = g_get_monotonic_time() + grace_us;
  g_mutex_lock(&http->mutex);
  while (http->in_flight > 0 && g_cond_wait_until(&http->changed, &http->mutex, deadline)) continue;
  gboolean all = http->in_flight == 0;
  g_mutex_unlock(&http->mutex);
  return all;
}

void tarn_http_stop(TarnHttp *http) {
  if (!http) return;
  close_and_wait(http);
  MHD_stop_daemon(http->daemon);
  http_free(http);
}
