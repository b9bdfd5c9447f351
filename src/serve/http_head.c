#include "serve/http_head.h"

#include <string.h>

/* ---- where it ends ---- */

/* A line end is a line feed, with or without a carriage return, so that what is refused below is refused at once. */
gsize tarn_http_head_size(const char *bytes, gsize size, gsize *searched) {
  gsize from = *searched > 3 ? *searched - 3 : 0;
  for (const char *p = bytes + from; (p = memchr(p, '\n', size - (gsize)(p - bytes))); p++) {
    gsize next = (gsize)(p - bytes) + 1;
    if (next < size && bytes[next] == '\n') return next + 1;
    if (next + 1 < size && bytes[next] == '\r' && bytes[next + 1] == '\n') return next + 2;
  }
  *searched = size;
  return 0;
}

/* ---- its parts ---- */

static gboolean is_token(const char *text) {
  if (!*text) return FALSE;
  for (; *text; text++)
    if (!g_ascii_isalnum(*text) && !strchr("!#$%&'*+-.^_`|~", *text)) return FALSE;
  return TRUE;
}

static gboolean is_visible(const char *text) {
  for (; *text; text++)
    if ((guchar)*text <= ' ' || *text == 0x7f) return FALSE;
  return TRUE;
}

/* A field's value: tabs and spaces, but no other control character. */
static gboolean is_value(const char *text) {
  for (; *text; text++)
    if (((guchar)*text < ' ' && *text != '\t') || *text == 0x7f) return FALSE;
  return TRUE;
}

/* Cuts the text at a separator; NULL: it has none. */
static char *cut(char *text, char separator) {
  char *found = strchr(text, separator);
  if (!found) return NULL;
  *found = '\0';
  return found + 1;
}

static gboolean is_path(const char *target) { return target[0] == '/' || g_str_equal(target, "*"); }

/* A proxy's target has scheme and host before its path. */
static const char *without_host(const char *target) {
  if (g_ascii_strncasecmp(target, "http://", 7) != 0) return target;
  const char *path = target + 7 + strcspn(target + 7, "/?#");
  return *path == '/' ? path : *path ? target : "/";
}

static guint read_request_line(char *line, TarnHttpHead *head, const char **reason) {
  char *target = cut(line, ' '), *version = target ? cut(target, ' ') : NULL;
  if (!version || !is_token(line)) {
    *reason = "the request's first line is not METHOD TARGET HTTP/1.1";
    return 400;
  }
  gboolean numbered = strlen(version) == 8 && g_str_has_prefix(version, "HTTP/") && g_ascii_isdigit(version[5]) &&
                      version[6] == '.' && g_ascii_isdigit(version[7]);
  if (!numbered || version[5] != '1') {
    *reason = "the request's version is not HTTP/1.1 or HTTP/1.0, the only ones spoken here";
    return 400;
  }
  head->minor = (guint)(version[7] - '0');
  target = (char *)without_host(target);
  if (!is_path(target) || !is_visible(target)) {
    *reason = "the request's target must be a path that begins with a slash and has no space or control character";
    return 400;
  }
  head->method = line;
  head->target = target;
  return 0;
}

static guint read_field(char *line, TarnHttpHead *head, const char **reason) {
  char *value = cut(line, ':');
  if (!value || !is_token(line) || !is_value(value)) {
    *reason = "a header of the request is not of the form Name: value";
    return 400;
  }
  if (head->n_fields == TARN_HTTP_MAX_FIELDS) {
    *reason = "the request has more than 100 headers";
    return 431;
  }
  head->fields[head->n_fields++] = (TarnHttpField){line, g_strstrip(value)};
  return 0;
}

/* ---- what it means ---- */

const char *tarn_http_head_field(const TarnHttpHead *head, const char *name) {
  for (guint i = 0; i < head->n_fields; i++)
    if (g_ascii_strcasecmp(head->fields[i].name, name) == 0) return head->fields[i].value;
  return NULL;
}

static guint count(const TarnHttpHead *head, const char *name) {
  guint n = 0;
  for (guint i = 0; i < head->n_fields; i++) n += g_ascii_strcasecmp(head->fields[i].name, name) == 0;
  return n;
}

/* Is the word one of a list with commas? */
static gboolean lists(const char *list, const char *word) {
  g_auto(GStrv) words = g_strsplit(list ? list : "", ",", -1);
  for (char **p = words; *p; p++)
    if (g_ascii_strcasecmp(g_strstrip(*p), word) == 0) return TRUE;
  return FALSE;
}

static gboolean read_length(const char *text, guint64 *length) {
  gsize digits = strspn(text, "0123456789");
  if (digits == 0 || digits > 18 || text[digits]) return FALSE;
  *length = g_ascii_strtoull(text, NULL, 10);
  return TRUE;
}

static guint read_body_size(TarnHttpHead *head, const char **reason) {
  const char *length = tarn_http_head_field(head, "Content-Length");
  const char *encoding = tarn_http_head_field(head, "Transfer-Encoding");
  if ((length && encoding) || count(head, "Content-Length") > 1 || count(head, "Transfer-Encoding") > 1)
    *reason = "the request says more than once how long its body is";
  else if (length && !read_length(length, &head->content_length))
    *reason = "the request's Content-Length is not a number of bytes";
  else if (encoding && (g_ascii_strcasecmp(encoding, "chunked") != 0 || head->minor == 0))
    *reason = "the request's Transfer-Encoding is not chunked, the only one taken, and by HTTP/1.1 alone";
  else
    head->chunked = encoding != NULL;
  return *reason ? 400 : 0;
}

static guint read_meaning(TarnHttpHead *head, const char **reason) {
  guint hosts = count(head, "Host");
  if (hosts > 1 || (hosts == 0 && head->minor > 0)) {
    *reason = "the request must have one Host header";
    return 400;
  }
  const char *connection = tarn_http_head_field(head, "Connection");
  head->keep_alive = connection ? !lists(connection, "close") && (head->minor > 0 || lists(connection, "keep-alive"))
                                : head->minor > 0;
  const char *expected = tarn_http_head_field(head, "Expect");
  head->expects_continue = expected && g_ascii_strcasecmp(expected, "100-continue") == 0;
  if (expected && !head->expects_continue) {
    *reason = "the request's Expect header asks for what is not done here";
    return 417;
  }
  return read_body_size(head, reason);
}

/* Ends the line that begins at text and returns the next one; NULL: it does not end in CR LF, or holds a NUL. */
static char *end_line(char *text, const char *end) {
  char *feed = memchr(text, '\n', (gsize)(end - text));
  if (!feed || feed == text || feed[-1] != '\r' || memchr(text, '\0', (gsize)(feed - text))) return NULL;
  feed[-1] = '\0';
  return feed + 1;
}

guint tarn_http_head_parse(char *text, gsize size, TarnHttpHead *head, const char **reason) {
  const char *end = text + size;
  *reason = NULL;
  head->n_fields = 0;
  head->method = head->target = NULL;
  head->keep_alive = head->expects_continue = head->chunked = FALSE;
  head->content_length = head->minor = 0;
  for (char *line = text, *next; line < end; line = next) {
    next = end_line(line, end);
    if (!next) {
      *reason = "a line of the request's head does not end in CR LF, or holds a NUL";
      return 400;
    }
    if (!*line && head->method) break;
    guint refused = head->method ? read_field(line, head, reason) : read_request_line(line, head, reason);
    if (refused) return refused;
  }
  return read_meaning(head, reason);
}
