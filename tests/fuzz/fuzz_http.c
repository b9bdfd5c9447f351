/* The bytes of a request. Whatever they are, its head ends at the same place and its body is the same, in one piece or byte by
 * byte; what is accepted holds no line end and no NUL, names one host and one length of the body. */
#include <stdint.h>
#include <string.h>

#include "serve/http_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_LIMIT 256

static void check_head_end(const char *bytes, gsize size, gsize found) {
  gsize searched = 0;
  for (gsize known = 0; known <= (found ? found : size); known++) {
    gsize end = tarn_http_head_size(bytes, known, &searched);
    g_assert_cmpuint(end, ==, found && known == found ? found : 0);
  }
}

static guint count_fields(const TarnHttpHead *head, const char *name) {
  guint n = 0;
  for (guint i = 0; i < head->n_fields; i++) n += g_ascii_strcasecmp(head->fields[i].name, name) == 0;
  return n;
}

static void check_head(const TarnHttpHead *head) {
  g_assert_true(*head->method && !strpbrk(head->method, " \r\n\t:/"));
  g_assert_true((*head->target == '/' || g_str_equal(head->target, "*")) && !strpbrk(head->target, " \r\n\t"));
  for (guint i = 0; i < head->n_fields; i++) {
    g_assert_true(*head->fields[i].name && !strpbrk(head->fields[i].name, " \r\n\t:"));
    g_assert_false(strpbrk(head->fields[i].value, "\r\n"));
  }
  g_assert_cmpuint(count_fields(head, "Host"), <=, 1);
  g_assert_cmpuint(count_fields(head, "Content-Length") + count_fields(head, "Transfer-Encoding"), <=, 1);
  g_assert_true(!head->chunked || head->content_length == 0);
}

static TarnHttpBodyState take(TarnHttpBody *body, const char *bytes, gsize size, gsize piece, GString *rest) {
  TarnHttpBodyState state = tarn_http_body_take(body, rest);
  for (gsize at = 0; at < size && state == TARN_HTTP_BODY_MORE; at += piece) {
    g_string_append_len(rest, bytes + at, (gssize)MIN(piece, size - at));
    state = tarn_http_body_take(body, rest);
  }
  return state;
}

static void check_body(const TarnHttpHead *head, const char *bytes, gsize size) {
  TarnHttpBody whole, pieces;
  g_autoptr(GString) rest = g_string_new(NULL), rest_of_pieces = g_string_new(NULL);
  tarn_http_body_init(&whole, head, BODY_LIMIT);
  tarn_http_body_init(&pieces, head, BODY_LIMIT);
  TarnHttpBodyState state = take(&whole, bytes, size, MAX(size, 1), rest);
  g_assert_cmpint(state, ==, take(&pieces, bytes, size, 1, rest_of_pieces));
  if (state == TARN_HTTP_BODY_WHOLE) {
    g_assert_cmpstr(whole.bytes ? whole.bytes->str : "", ==, pieces.bytes ? pieces.bytes->str : "");
    g_assert_true(!whole.bytes || whole.bytes->len <= BODY_LIMIT);
    g_assert_true(head->chunked || !whole.bytes || whole.bytes->len == head->content_length);
  }
  tarn_http_body_clear(&whole);
  tarn_http_body_clear(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *bytes = (const char *)data, *reason;
  gsize searched = 0, end = tarn_http_head_size(bytes, size, &searched);
  if (size <= 4096) check_head_end(bytes, size, end);
  if (end == 0) return 0;
  TarnHttpHead head;
  g_autofree char *text = g_malloc(end + 1);
  memcpy(text, bytes, end);
  text[end] = '\0';
  guint refused = tarn_http_head_parse(text, end, &head, &reason);
  g_assert_true((refused != 0) == (reason != NULL));
  if (refused) return 0;
  check_head(&head);
  check_body(&head, bytes + end, size - end);
  return 0;
}
