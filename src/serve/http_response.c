#include <string.h>
#include <time.h>

#include "serve/http_private.h"

static void header_clear(gpointer header) { g_free(((TarnHttpHeader *)header)->value); }

static TarnHttpHeader *find(const TarnHttpResponse *response, const char *name) {
  for (guint i = 0; response->headers && i < response->headers->len; i++) {
    TarnHttpHeader *header = &g_array_index(response->headers, TarnHttpHeader, i);
    if (g_ascii_strcasecmp(header->name, name) == 0) return header;
  }
  return NULL;
}

void tarn_http_response_set_header(TarnHttpResponse *response, const char *name, const char *value) {
  char *copy = g_strdup(value);
  TarnHttpHeader *found = find(response, name);
  if (found) {
    g_free(found->value);
    found->value = copy;
    return;
  }
  if (!response->headers) {
    response->headers = g_array_new(FALSE, FALSE, sizeof(TarnHttpHeader));
    g_array_set_clear_func(response->headers, header_clear);
  }
  const TarnHttpHeader header = {name, copy};
  g_array_append_val(response->headers, header);
}

const char *tarn_http_response_header(const TarnHttpResponse *response, const char *name) {
  const TarnHttpHeader *found = find(response, name);
  return found ? found->value : NULL;
}

void tarn_http_response_add_vary(TarnHttpResponse *response, const char *name) {
  const char *before = tarn_http_response_header(response, "Vary");
  g_autofree char *both = before ? g_strdup_printf("%s, %s", before, name) : NULL;
  tarn_http_response_set_header(response, "Vary", both ? both : name);
}

void tarn_http_response_reset(TarnHttpResponse *response) {
  if (response->body) g_string_truncate(response->body, 0);
  g_clear_pointer(&response->headers, g_array_unref);
  g_clear_pointer(&response->bytes, g_bytes_unref);
  g_clear_error(&response->error);
}

void tarn_http_response_clear(TarnHttpResponse *response) {
  tarn_http_response_reset(response);
  if (response->body) g_string_free(response->body, TRUE);
  response->body = NULL;
}

/* ---- as bytes ---- */

static const struct {
  guint status;
  const char *phrase;
} phrases[] = {
    {200, "OK"},
    {204, "No Content"},
    {206, "Partial Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
};

const char *tarn_http_status_phrase(guint status) {
  for (gsize i = 0; i < G_N_ELEMENTS(phrases); i++)
    if (phrases[i].status == status) return phrases[i].phrase;
  g_assert_not_reached();
}

/* The clock is read once a second, so often does the header change. */
static const char *date(TarnHttpLoop *loop) {
  static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  time_t now = (time_t)(g_get_real_time() / G_USEC_PER_SEC);
  if (now == loop->date_s) return loop->date;
  struct tm t;
  gmtime_r(&now, &t);
  g_snprintf(loop->date, sizeof loop->date, "%s, %02d %s %d %02d:%02d:%02d GMT", days[t.tm_wday], t.tm_mday,
             months[t.tm_mon], 1900 + t.tm_year, t.tm_hour, t.tm_min, t.tm_sec);
  loop->date_s = now;
  return loop->date;
}

static void write_field(GString *out, const char *name, const char *value) {
  g_string_append(out, name);
  g_string_append_len(out, ": ", 2);
  g_string_append(out, value);
  g_string_append_len(out, "\r\n", 2);
}

static void write_number(GString *out, guint64 number) {
  char digits[24], *p = digits + sizeof digits;
  *--p = '\0';
  do *--p = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  g_string_append(out, p);
}

static void write_body_size(const TarnHttpExchange *exchange, gint64 size, GString *out) {
  guint status = exchange->response.status;
  if (status == 204 || status == 304) return;
  if (size < 0 && exchange->chunked) write_field(out, "Transfer-Encoding", "chunked");
  if (size < 0) return;
  g_string_append(out, "Content-Length: ");
  write_number(out, (guint64)size);
  g_string_append_len(out, "\r\n", 2);
}

void tarn_http_response_write_head(const TarnHttpExchange *exchange, gint64 body_size, GString *out) {
  const TarnHttpResponse *response = &exchange->response;
  g_string_append(out, "HTTP/1.1 ");
  write_number(out, response->status);
  g_string_append_c(out, ' ');
  g_string_append(out, tarn_http_status_phrase(response->status));
  g_string_append_len(out, "\r\n", 2);
  write_field(out, "Date", date(exchange->loop));
  if (response->status != 204 && response->status != 304) write_field(out, "Content-Type", response->content_type);
  write_field(out, "X-Request-Id", exchange->id);
  for (guint i = 0; response->headers && i < response->headers->len; i++) {
    const TarnHttpHeader *header = &g_array_index(response->headers, TarnHttpHeader, i);
    write_field(out, header->name, header->value);
  }
  if (exchange->connection->close_after)
    write_field(out, "Connection", "close");
  else if (exchange->head.minor == 0)
    write_field(out, "Connection", "keep-alive");
  write_body_size(exchange, body_size, out);
  g_string_append_len(out, "\r\n", 2);
}
