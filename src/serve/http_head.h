/* The head of an HTTP/1.1 request (RFC 9112), read strictly: what two readers could understand differently is refused, so
 * that no proxy before this server sees other requests than it does. In: hostile bytes. Out: method, target, fields and
 * what follows for the body and the connection; or the status and reason to refuse with. No I/O, no allocation. */
#pragma once
#include <glib.h>

#define TARN_HTTP_MAX_FIELDS 100
#define TARN_HTTP_MAX_HEAD_BYTES (32u * 1024)

typedef struct {
  const char *name;
  const char *value; /* without spaces around it */
} TarnHttpField;

/* Texts are borrowed from the bytes that were read. */
typedef struct {
  const char *method;
  const char *target; /* path and query; of an absolute target too */
  guint minor;        /* HTTP/1.minor */
  TarnHttpField fields[TARN_HTTP_MAX_FIELDS];
  guint n_fields;
  gboolean keep_alive;
  gboolean expects_continue;
  gboolean chunked;
  guint64 content_length;
} TarnHttpHead;

/* How many of the bytes are a whole head with its empty line; 0: more are needed. *searched: bytes that were looked at
 * before, so that a slow client costs no more than a fast one; 0 at first. */
gsize tarn_http_head_size(const char *bytes, gsize size, gsize *searched);

/* Reads a whole head; text is written to. 0, or the status of the refusal, whose *reason is static text. What was read so
 * far is set then, the rest is NULL or 0. */
guint tarn_http_head_parse(char *text, gsize size, TarnHttpHead *head, const char **reason);

/* The first field of that name, in any case; NULL: none. */
const char *tarn_http_head_field(const TarnHttpHead *head, const char *name);
