#include "base/json_valid.h"

#include <string.h>

#include "base/json_writer.h"

/* Reading position. A rule moves it behind what it matched and returns TRUE, or returns FALSE and leaves it anywhere.
 */
typedef struct {
  const char *at, *end;
} Reader;

static void skip_space(Reader *in) {
  while (in->at < in->end && memchr(" \t\r\n", *in->at, 4)) in->at++;
}

static gboolean take(Reader *in, char wanted) {
  if (in->at == in->end || *in->at != wanted) return FALSE;
  in->at++;
  return TRUE;
}

static gboolean take_word(Reader *in, const char *word) {
  gsize length = strlen(word);
  if ((gsize)(in->end - in->at) < length || memcmp(in->at, word, length) != 0) return FALSE;
  in->at += length;
  return TRUE;
}

static gboolean take_digits(Reader *in) {
  const char *first = in->at;
  while (in->at < in->end && g_ascii_isdigit(*in->at)) in->at++;
  return in->at > first;
}

static gboolean take_number(Reader *in) {
  take(in, '-');
  if (!take(in, '0') && !take_digits(in)) return FALSE;
  if (take(in, '.') && !take_digits(in)) return FALSE;
  if (!take(in, 'e') && !take(in, 'E')) return TRUE;
  if (!take(in, '+')) take(in, '-');
  return take_digits(in);
}

static gboolean take_escape(Reader *in) {
  if (in->at == in->end) return FALSE;
  char letter = *in->at++;
  if (letter != 'u') return letter != '\0' && strchr("\"\\/bfnrt", letter);
  for (int i = 0; i < 4; i++)
    if (in->at == in->end || !g_ascii_isxdigit(*in->at++)) return FALSE;
  return TRUE;
}

static gboolean take_string(Reader *in) {
  if (!take(in, '"')) return FALSE;
  while (in->at < in->end) {
    guchar byte = (guchar)*in->at++;
    if (byte == '"') return TRUE;
    if (byte < 0x20) return FALSE;
    if (byte == '\\' && !take_escape(in)) return FALSE;
  }
  return FALSE;
}

static gboolean take_scalar(Reader *in) {
  if (in->at == in->end) return FALSE;
  switch (*in->at) {
    case '"':
      return take_string(in);
    case 't':
      return take_word(in, "true");
    case 'f':
      return take_word(in, "false");
    case 'n':
      return take_word(in, "null");
    default:
      return take_number(in);
  }
}

/* The key of an object's next member and its colon. */
static gboolean take_key(Reader *in) {
  skip_space(in);
  if (!take_string(in)) return FALSE;
  skip_space(in);
  return take(in, ':');
}

/* Open brackets, as the closing ones that they wait for. */
typedef struct {
  char closing[TARN_JSON_MAX_DEPTH];
  guint depth;
} Nesting;

/* Opens brackets down to the first scalar, or to an empty one, which it closes. */
static gboolean descend(Reader *in, Nesting *nesting) {
  for (;;) {
    skip_space(in);
    char closing = take(in, '{') ? '}' : take(in, '[') ? ']' : '\0';
    if (!closing) return take_scalar(in);
    skip_space(in);
    if (take(in, closing)) return TRUE;
    if (nesting->depth == G_N_ELEMENTS(nesting->closing)) return FALSE;
    nesting->closing[nesting->depth++] = closing;
    if (closing == '}' && !take_key(in)) return FALSE;
  }
}

/* Behind a value: closes brackets until one goes on with a comma, or none is open. */
static gboolean ascend(Reader *in, Nesting *nesting) {
  for (; nesting->depth > 0; nesting->depth--) {
    char closing = nesting->closing[nesting->depth - 1];
    skip_space(in);
    if (take(in, ',')) return closing == ']' || take_key(in);
    if (!take(in, closing)) return FALSE;
  }
  return TRUE;
}

gboolean tarn_json_is_valid(const char *text, gsize size) {
  Reader in = {text, text + size};
  Nesting nesting = {.depth = 0};
  do {
    if (!descend(&in, &nesting) || !ascend(&in, &nesting)) return FALSE;
  } while (nesting.depth > 0);
  skip_space(&in);
  return in.at == in.end;
}
