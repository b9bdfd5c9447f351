#include "stream/json_string.h"

#include <string.h>

#include "stream/json_scan.h"

int tarn_json_code_unit(const guchar *p, const guchar *end) {
  if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return -1;
  int unit = 0;
  for (int i = 2; i < 6; i++) {
    int digit = g_ascii_xdigit_value((char)p[i]);
    if (digit < 0) return -1;
    unit = unit << 4 | digit;
  }
  return unit;
}

/* Decodes the escape at *p into UTF-8, moves *p behind it, and returns how many bytes of the 6 were written. */
static guint decode_escape(const guchar **p, const guchar *end, char *bytes) {
  static const char plain[] = "\"\\/bfnrt", meaning[] = "\"\\/\b\f\n\r\t";
  const guchar *escape = *p;
  int unit = tarn_json_code_unit(escape, end);
  if (unit < 0) {
    const char *found = end - escape >= 2 && escape[1] != '\0' ? strchr(plain, escape[1]) : NULL;
    bytes[0] = found ? meaning[found - plain] : '\\';
    *p = found ? escape + 2 : escape + 1;
    return 1;
  }
  int low = tarn_json_is_high_surrogate(unit) ? tarn_json_code_unit(escape + 6, end) : -1;
  gboolean pair = tarn_json_is_low_surrogate(low);
  gboolean lone = !pair && unit >= 0xd800 && unit <= 0xdfff;
  *p = escape + (pair ? 12 : 6);
  gunichar c = pair ? 0x10000 + (gunichar)((unit - 0xd800) << 10) + (gunichar)(low - 0xdc00) : (gunichar)unit;
  return (guint)g_unichar_to_utf8(lone ? 0xfffd : c, bytes);
}

void tarn_json_unescape(const TarnJsonSlice *slice, GString *out) {
  const guchar *p = (const guchar *)slice->text + 1, *end = (const guchar *)slice->text + slice->size - 1;
  while (p < end) {
    const guchar *backslash = memchr(p, '\\', (gsize)(end - p));
    const guchar *stop = backslash ? backslash : end;
    g_string_append_len(out, (const char *)p, stop - p);
    p = stop;
    if (!backslash) return;
    char bytes[6];
    guint count = decode_escape(&p, end, bytes);
    g_string_append_len(out, bytes, count);
  }
}

/* Reads the bytes that a string means one by one. */
typedef struct {
  const guchar *p, *end;
  gboolean plain; /* a backslash is a backslash */
  char bytes[6];  /* of the last escape */
  guint count, next;
} Reader;

static Reader read_quoted(const char *quoted, gsize size) {
  return (Reader){.p = (const guchar *)quoted + 1, .end = (const guchar *)quoted + size - 1};
}

static int next_byte(Reader *reader) {
  if (reader->next < reader->count) return (guchar)reader->bytes[reader->next++];
  if (reader->p == reader->end) return -1;
  if (reader->plain || *reader->p != '\\') return *reader->p++;
  reader->count = decode_escape(&reader->p, reader->end, reader->bytes);
  reader->next = 1;
  return (guchar)reader->bytes[0];
}

static gboolean are_equal(Reader a, Reader b) {
  for (;;) {
    int byte = next_byte(&a);
    if (byte != next_byte(&b)) return FALSE;
    if (byte < 0) return TRUE;
  }
}

gboolean tarn_json_strings_equal(const char *a, gsize a_size, const char *b, gsize b_size) {
  return are_equal(read_quoted(a, a_size), read_quoted(b, b_size));
}

gboolean tarn_json_string_is(const char *quoted, gsize quoted_size, const char *plain, gsize plain_size) {
  const guchar *text = (const guchar *)plain;
  return are_equal(read_quoted(quoted, quoted_size), (Reader){.p = text, .end = text + plain_size, .plain = TRUE});
}
