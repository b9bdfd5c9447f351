/* The body of a request, taken in as it comes: so many bytes as its head says, or chunks (RFC 9112, 7.1). In: the bytes that
 * were received. Out: the body, bounded; trailers and extensions of chunks are dropped. */
#pragma once
#include <glib.h>

#include "serve/http_head.h"

typedef struct {
  GString *bytes; /* NULL: none so far; the body's own */
  gsize limit;
  guint64 left; /* of the length or the chunk */
  gsize line;   /* bytes of lines between the data of two chunks */
  gboolean chunked;
  guint state; /* of the chunks */
} TarnHttpBody;

void tarn_http_body_init(TarnHttpBody *body, const TarnHttpHead *head, gsize limit);
void tarn_http_body_clear(TarnHttpBody *body);

typedef enum {
  TARN_HTTP_BODY_MORE,
  TARN_HTTP_BODY_WHOLE,
  TARN_HTTP_BODY_MALFORMED,
  TARN_HTTP_BODY_TOO_LONG
} TarnHttpBodyState;

/* Takes what belongs to the body from the beginning of input. */
TarnHttpBodyState tarn_http_body_take(TarnHttpBody *body, GString *input);
