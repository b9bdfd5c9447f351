#include "serve/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gio/gio.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "serve/request_id.h"

#define IDLE_SECONDS 30u
#define BACKLOG 1024

struct TarnHttp {
  TarnHttpOptions options;
  struct MHD_Daemon *daemon;
  int socket;
  GMutex mutex;
  GCond idle;
  guint in_flight; /* requests that the handler has seen and whose responses are not sent yet; under mutex */
  gint stopping;   /* atomic */
};

/* One request from its first line to the end of its response. */
typedef struct {
  char *target;
  char *method;
  char id[TARN_REQUEST_ID_SIZE];
  gint64 started_us;
  guint status; /* 0: the handler has not been called */
  guint64 body_size;
} Exchange;

static void *exchange_begin(void *user, const char *target, struct MHD_Connection *connection) {
  (void)user, (void)connection;
  Exchange *exchange = g_new0(Exchange, 1);
  exchange->target = g_strdup(target);
  exchange->started_us = g_get_monotonic_time();
  return exchange;
}

static void count_in_flight(TarnHttp *http, gint by) {
  g_mutex_lock(&http->mutex);
  http->in_flight += (guint)by;
  if (http->in_flight == 0) g_cond_signal(&http->idle);
  g_mutex_unlock(&http->mutex);
}

static void exchange_end(void *user, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code) {
  (void)connection, (void)code;
  TarnHttp *http = user;
  Exchange *exchange = g_steal_pointer(state);
  if (!exchange) return;
  const TarnHttpRequest request = {
      .method = exchange->method, .target = exchange->target, .peer = "", .body = "", .id = exchange->id};
  if (exchange->status) {
    gint64 elapsed_us = g_get_monotonic_time() - exchange->started_us;
    if (http->options.done)
      http->options.done(http->options.user, &request, exchange->status, exchange->body_size, elapsed_us);
    count_in_flight(http, -1);
  }
  g_free(exchange->target);
  g_free(exchange->method);
  g_free(exchange);
}

/* Hands the body over to libmicrohttpd without a copy: both sides use malloc. */
static struct MHD_Response *make_response(TarnHttp *http, TarnHttpResponse *made) {
  gsize size = made->body->len;
  char *bytes = g_string_free(g_steal_pointer(&made->body), FALSE);
  struct MHD_Response *response = MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_MUST_FREE);
  if (!response) {
    g_free(bytes);
    return NULL;
  }
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, made->content_type);
  MHD_add_response_header(response, "X-Request-Id", made->request->id);
  for (guint i = 0; made->headers && i < made->headers->len; i++) {
    const TarnHttpHeader *header = &g_array_index(made->headers, TarnHttpHeader, i);
    MHD_add_response_header(response, header->name, header->value);
  }
  if (g_atomic_int_get(&http->stopping)) MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
  return response;
}

static void header_clear(gpointer header) { g_free(((TarnHttpHeader *)header)->value); }

void tarn_http_response_set_header(TarnHttpResponse *response, const char *name, const char *value) {
  if (!response->headers) {
    response->headers = g_array_new(FALSE, FALSE, sizeof(TarnHttpHeader));
    g_array_set_clear_func(response->headers, header_clear);
  }
  for (guint i = 0; i < response->headers->len; i++) {
    TarnHttpHeader *header = &g_array_index(response->headers, TarnHttpHeader, i);
    if (g_ascii_strcasecmp(header->name, name) != 0) continue;
    g_free(header->value);
    header->value = g_strdup(value);
    return;
  }
  const TarnHttpHeader header = {name, g_strdup(value)};
  g_array_append_val(response->headers, header);
}

void tarn_http_response_clear(TarnHttpResponse *response) {
  if (response->body) g_string_free(response->body, TRUE);
  g_clear_pointer(&response->headers, g_array_unref);
  g_clear_error(&response->error);
  response->body = NULL;
}

const char *tarn_http_request_header(const TarnHttpRequest *request, const char *name) {
  return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* The client's address as numbers, an IPv4 address that came through an IPv6 socket as IPv4. */
static gboolean read_peer(struct MHD_Connection *connection, char *text, gsize size) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  g_autoptr(GSocketAddress) address = NULL;
  g_strlcpy(text, "unknown", size);
  if (!info || !info->client_addr) return FALSE;
  gsize length = info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
  address = g_socket_address_new_from_native(info->client_addr, length);
  if (!G_IS_INET_SOCKET_ADDRESS(address)) return FALSE;
  GInetAddress *inet = g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address));
  g_autofree char *shown = g_inet_address_to_string(inet);
  gboolean mapped = g_str_has_prefix(shown, "::ffff:");
  g_strlcpy(text, mapped ? shown + strlen("::ffff:") : shown, size);
  return g_inet_address_get_is_loopback(inet) || (mapped && g_str_has_prefix(text, "127."));
}

static gboolean has_body(struct MHD_Connection *connection) {
  const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
  return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING) ||
         (length && !g_str_equal(length, "0"));
}

/* Called when the headers are read, and again when the request is. A response to the first call closes the connection,
 * which is wanted only where a body follows that nobody reads. */
static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **state) {
  (void)url, (void)version, (void)upload, (void)upload_size;
  TarnHttp *http = user;
  Exchange *exchange = *state;
  if (!exchange->method) {
    exchange->method = g_strdup(method);
    tarn_request_id_choose(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Request-Id"),
                           MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "traceparent"), exchange->id);
    if (!has_body(connection)) return MHD_YES;
  }
  count_in_flight(http, 1);
  char peer[INET6_ADDRSTRLEN];
  gboolean loopback = read_peer(connection, peer, sizeof peer);
  const TarnHttpRequest request = {.method = method,
                                   .target = exchange->target,
                                   .peer = peer,
                                   .loopback = loopback,
                                   .body = "",
                                   .id = exchange->id,
                                   .connection = connection};
  TarnHttpResponse made = {
      .status = MHD_HTTP_OK, .content_type = "application/json", .body = g_string_sized_new(1024), .request = &request};
  http->options.handler(http->options.user, &request, &made);
  exchange->status = made.status;
  exchange->body_size = made.body->len;
  struct MHD_Response *response = make_response(http, &made);
  tarn_http_response_clear(&made);
  if (!response) return MHD_NO;
  enum MHD_Result queued = MHD_queue_response(connection, made.status, response);
  MHD_destroy_response(response);
  return queued;
}

/* Targets are decoded by serve/target.c, which keeps an escaped slash from becoming a separator. */
static size_t leave_escaped(void *user, struct MHD_Connection *connection, char *text) {
  (void)user, (void)connection;
  return strlen(text);
}

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
  /* clang-format off */
  return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_request, http,
                          MHD_OPTION_LISTEN_SOCKET, http->socket,
                          MHD_OPTION_THREAD_POOL_SIZE, http->options.threads,
                          MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
                          MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, http,
                          MHD_OPTION_NOTIFY_COMPLETED, exchange_end, http,
                          MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
                          MHD_OPTION_END);
  /* clang-format on */
}

static void http_free(TarnHttp *http) {
  if (http->socket >= 0) close(http->socket);
  g_mutex_clear(&http->mutex);
  g_cond_clear(&http->idle);
  g_free(http);
}

TarnHttp *tarn_http_start(const TarnHttpOptions *options, GError **error) {
  TarnHttp *http = g_new0(TarnHttp, 1);
  http->options = *options;
  g_mutex_init(&http->mutex);
  g_cond_init(&http->idle);
  http->socket = open_socket(options->host, options->port, error);
  if (http->socket >= 0 && !(http->daemon = start_daemon(http)))
    tarn_error_set(error, TARN_ERROR_ENVIRONMENT, "raise the limits of threads and open files",
                   "cannot start the HTTP threads");
  if (http->daemon) return http;
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

void tarn_http_stop(TarnHttp *http, gint64 grace_us) {
  if (!http) return;
  g_atomic_int_set(&http->stopping, 1);
  MHD_quiesce_daemon(http->daemon);
  gint64 deadline = g_get_monotonic_time() + grace_us;
  g_mutex_lock(&http->mutex);
  while (http->in_flight > 0 && g_cond_wait_until(&http->idle, &http->mutex, deadline)) continue;
  g_mutex_unlock(&http->mutex);
  MHD_stop_daemon(http->daemon);
  http_free(http);
}
