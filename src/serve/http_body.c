#include "serve/http_body.h"

#include <string.h>

#define MAX_LINE_BYTES 4096u
#define MAX_SIZE_DIGITS 8 /* hexadecimal; more is above any limit */

typedef enum { SIZE_LINE, DATA, DATA_END, TRAILER, END } ChunkState;

void tarn_http_body_init(TarnHttpBody *body, const TarnHttpHead *head, gsize limit) {
  *body = (TarnHttpBody){.limit = limit, .left = head->content_length, .chunked = head->chunked, .state = SIZE_LINE};
}

void tarn_http_body_clear(TarnHttpBody *body) {
  if (body->bytes) g_string_free(body->bytes, TRUE);
  body->bytes = NULL;
}

/* Takes up to `left` bytes from *from on. FALSE: the body is too long. */
static gboolean take_data(TarnHttpBody *body, const GString *input, gsize *from) {
  gsize n = (gsize)MIN(body->left, input->len - *from);
  if (!body->bytes) body->bytes = g_string_new(NULL);
  if (body->left > body->limit - body->bytes->len) return FALSE;
  g_string_append_len(body->bytes, input->str + *from, (gssize)n);
  body->left -= n;
  *from += n;
  return TRUE;
}

/* "1f;extension" without its line end. */
static gboolean read_size(const char *line, gsize size, guint64 *value) {
  gsize digits = 0;
  for (*value = 0; digits < size && g_ascii_isxdigit(line[digits]); digits++) {
    if (digits == MAX_SIZE_DIGITS) return FALSE;
    *value = *value << 4 | (guint64)g_ascii_xdigit_value(line[digits]);
  }
  return digits > 0 && (digits == size || line[digits] == ';' || line[digits] == ' ' || line[digits] == '\t');
}

static ChunkState after_line(TarnHttpBody *body, const char *line, gsize size, gboolean *ok) {
  switch ((ChunkState)body->state) {
    case SIZE_LINE:
      *ok = read_size(line, size, &body->left);
      return body->left > 0 ? DATA : TRAILER;
    case DATA_END:
      *ok = size == 0;
      return SIZE_LINE;
    default:
      return size == 0 ? END : TRAILER;
  }
}

/* FALSE: the line is not whole. */
static gboolean take_line(TarnHttpBody *body, const GString *input, gsize *from, gboolean *ok) {
  const char *line = input->str + *from, *feed = memchr(line, '\n', input->len - *from);
  gsize size = feed ? (gsize)(feed - line) + 1 : input->len - *from;
  if (body->line + size > MAX_LINE_BYTES || (feed && (size < 2 || feed[-1] != '\r'))) *ok = FALSE;
  if (!feed || !*ok) return FALSE;
  body->line = body->state == DATA_END ? 0 : body->line + size;
  body->state = after_line(body, line, size - 2, ok);
  *from += size;
  return TRUE;
}

static TarnHttpBodyState take_chunks(TarnHttpBody *body, const GString *input, gsize *from) {
  gboolean ok = TRUE;
  while (ok && body->state != END) {
    if (body->state == DATA) {
      if (*from == input->len) return TARN_HTTP_BODY_MORE;
      if (!take_data(body, input, from)) return TARN_HTTP_BODY_TOO_LONG;
      if (body->left == 0) body->state = DATA_END;
    } else if (!take_line(body, input, from, &ok) && ok) {
      return TARN_HTTP_BODY_MORE;
    }
  }
  return ok ? TARN_HTTP_BODY_WHOLE : TARN_HTTP_BODY_MALFORMED;
}

TarnHttpBodyState tarn_http_body_take(TarnHttpBody *body, GString *input) {
  gsize from = 0;
  TarnHttpBodyState state;
  if (body->chunked) {
    state = take_chunks(body, input, &from);
  } else if (body->left > 0 && !take_data(body, input, &from)) {
    state = TARN_HTTP_BODY_TOO_LONG;
  } else {
    state = body->left > 0 ? TARN_HTTP_BODY_MORE : TARN_HTTP_BODY_WHOLE;
  }
  g_string_erase(input, 0, (gssize)from);
  return state;
}
