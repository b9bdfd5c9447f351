#include "serve/http.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/http_private.h"

#define BACKLOG 1024

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

static guint port_of(int socket) {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } address;
  socklen_t size = sizeof address;
  if (getsockname(socket, &address.any, &size) != 0) return 0;
  return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static void http_free(TarnHttp *http) {
  if (http->socket >= 0) close(http->socket);
  g_ptr_array_unref(http->loops);
  g_mutex_clear(&http->mutex);
  g_cond_clear(&http->changed);
  g_free(http);
}

static gboolean make_loops(TarnHttp *http, GError **error) {
  for (guint i = 0; i < http->options.threads; i++) {
    TarnHttpLoop *loop = tarn_http_loop_new(http, error);
    if (!loop) return FALSE;
    g_ptr_array_add(http->loops, loop);
  }
  return TRUE;
}

TarnHttp *tarn_http_start(const TarnHttpOptions *options, GError **error) {
  TarnHttp *http = g_new0(TarnHttp, 1);
  http->options = *options;
  http->loops = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_http_loop_free);
  g_mutex_init(&http->mutex);
  g_cond_init(&http->changed);
  http->socket = open_socket(options->host, options->port, error);
  if (http->socket < 0 || !make_loops(http, error)) {
    http_free(http);
    return NULL;
  }
  http->port = port_of(http->socket);
  for (guint i = 0; i < http->loops->len; i++) tarn_http_loop_start(http->loops->pdata[i]);
  return http;
}

guint tarn_http_port(const TarnHttp *http) { return http->port; }

static void wake_all(TarnHttp *http) {
  for (guint i = 0; i < http->loops->len; i++) tarn_http_loop_tell(http->loops->pdata[i], NULL);
}

gboolean tarn_http_drain(TarnHttp *http, gint64 grace_us) {
  g_atomic_int_set(&http->draining, 1);
  wake_all(http);
  gint64 deadline = g_get_monotonic_time() + grace_us;
  g_mutex_lock(&http->mutex);
  while (g_atomic_int_get(&http->in_flight) > 0 && g_cond_wait_until(&http->changed, &http->mutex, deadline)) continue;
  g_mutex_unlock(&http->mutex);
  return g_atomic_int_get(&http->in_flight) == 0;
}

void tarn_http_stop(TarnHttp *http) {
  if (!http) return;
  g_atomic_int_set(&http->draining, 1);
  g_atomic_int_set(&http->closing, 1);
  wake_all(http);
  for (guint i = 0; i < http->loops->len; i++) tarn_http_loop_join(http->loops->pdata[i]);
  g_mutex_lock(&http->mutex);
  while (http->awaited != 0) g_cond_wait(&http->changed, &http->mutex);
  g_mutex_unlock(&http->mutex);
  http_free(http);
}
