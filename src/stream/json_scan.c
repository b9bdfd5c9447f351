#include "stream/json_scan.h"

#include <string.h>
#if defined(__SSE2__) && !defined(TARN_SCAN_PORTABLE)
#include <emmintrin.h>
#endif

#include "stream/json_string.h"

#define MAX_NAMES 64
#define SIZE_CLASSES 64

struct TarnScanner {
  char **names;
  guint32 *sizes;
  guint count;
  guint max_depth;
  guint64 names_of_size[SIZE_CLASSES]; /* bit i: names[i] has this many bytes; the last class holds all longer ones */
};

static guint size_class(gsize size) { return (guint)MIN(size, SIZE_CLASSES - 1); }

TarnScanner *tarn_scanner_new(const char *const *names, guint max_depth) {
  TarnScanner *scanner = g_new0(TarnScanner, 1);
  scanner->names = g_strdupv((char **)names);
  scanner->count = g_strv_length(scanner->names);
  g_assert(scanner->count <= MAX_NAMES);
  scanner->sizes = g_new(guint32, scanner->count);
  scanner->max_depth = CLAMP(max_depth, 1, TARN_SCAN_DEPTH_LIMIT);
  for (guint i = 0; i < scanner->count; i++) {
    scanner->sizes[i] = (guint32)strlen(names[i]);
    scanner->names_of_size[size_class(scanner->sizes[i])] |= G_GUINT64_CONSTANT(1) << i;
  }
  return scanner;
}

void tarn_scanner_free(TarnScanner *scanner) {
  if (!scanner) return;
  g_strfreev(scanner->names);
  g_free(scanner->sizes);
  g_free(scanner);
}

/* One scan under way. The functions below take the place where something must begin and return the place behind it, or
 * NULL after noting what is wrong. */
typedef struct {
  const guchar *start, *end;
  const char *why; /* the fault that made it no object */
  const guchar *fault;
  const char *unreadable_why; /* the first thing that DuckDB would refuse */
  const guchar *unreadable;
  guint depth, deepest, max_depth;
  char *closing; /* the closing bracket of each container that is open, by depth */
} Scan;

static const guchar *fail(Scan *scan, const guchar *p, const char *why) {
  scan->why = p < scan->end ? why : "the text ends inside the object";
  scan->fault = p;
  return NULL;
}

static void note_unreadable(Scan *scan, const guchar *p, const char *why) {
  if (scan->unreadable) return;
  scan->unreadable = p;
  scan->unreadable_why = why;
}

static inline gboolean is_at(const Scan *scan, const guchar *p, char wanted) {
  return p < scan->end && *p == (guchar)wanted;
}

static inline const guchar *skip_space(const Scan *scan, const guchar *p) {
  while (p < scan->end && *p <= ' ' && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) p++;
  return p;
}

/* How many of the next BLOCK bytes may stand in a string as they are: ASCII, no control, no quote, no backslash. */
#if defined(__SSE2__) && !defined(TARN_SCAN_PORTABLE)
#define BLOCK 16
static inline guint plain_prefix(const guchar *p) {
  __m128i bytes = _mm_loadu_si128((const __m128i *)p);
  __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)); /* signed: finds 0x80 and above, too */
  guint mask = (guint)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), low));
  return mask ? (guint)__builtin_ctz(mask) : BLOCK;
}
#else
#define BLOCK 8
#define EACH_BYTE(value) (G_GUINT64_CONSTANT(0x0101010101010101) * (value))
static inline guint64 less_than(guint64 bytes,
                                guint8 limit) { /* high bit of each byte below limit; the lowest is exact */
  return (bytes - EACH_BYTE(limit)) & ~bytes & EACH_BYTE(0x80);
}
static inline guint plain_prefix(const guchar *p) {
  guint64 bytes;
  memcpy(&bytes, p, sizeof bytes);
  bytes = GUINT64_FROM_LE(bytes);
  guint64 mask = less_than(bytes ^ EACH_BYTE('"'), 1) | less_than(bytes ^ EACH_BYTE('\\'), 1) | less_than(bytes, 0x20) |
                 (bytes & EACH_BYTE(0x80));
  return mask ? (guint)__builtin_ctzll(mask) / 8 : BLOCK;
}
#endif

static inline gboolean is_plain(guchar byte) { return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\'; }

static inline const guchar *skip_plain(const Scan *scan, const guchar *p) {
  while (scan->end - p >= BLOCK) {
    guint plain = plain_prefix(p);
    p += plain;
    if (plain < BLOCK) return p;
  }
  while (p < scan->end && is_plain(*p)) p++;
  return p;
}

static inline gboolean is_continuation(guchar byte) { return (byte & 0xc0) == 0x80; }

/* The table of well-formed sequences: Unicode 15, section 3.9, table 3-7. */
static inline guint utf8_length(const guchar *p, gsize left) {
  guchar first = p[0];
  if (left < 2 || first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return is_continuation(p[1]) ? 2 : 0;
  guchar lowest = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  guchar highest = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (p[1] < lowest || p[1] > highest || left < 3 || !is_continuation(p[2])) return 0;
  if (first < 0xf0) return 3;
  return left >= 4 && is_continuation(p[3]) ? 4 : 0;
}

static const guchar *scan_utf8(Scan *scan, const guchar *p) {
  while (p < scan->end && *p >= 0x80) {
    guint length = utf8_length(p, (gsize)(scan->end - p));
    if (length == 0) return fail(scan, p, "invalid UTF-8");
    p += length;
  }
  return p;
}

static const guchar *scan_unicode_escape(Scan *scan, const guchar *p) {
  int unit = tarn_json_code_unit(p, scan->end);
  if (unit < 0) return fail(scan, p, "invalid \\u escape");
  if (tarn_json_is_high_surrogate(unit) && tarn_json_is_low_surrogate(tarn_json_code_unit(p + 6, scan->end)))
    return p + 12;
  if (tarn_json_is_high_surrogate(unit) || tarn_json_is_low_surrogate(unit))
    note_unreadable(scan, p, "lone surrogate escape");
  return p + 6;
}

static const guchar *scan_escape(Scan *scan, const guchar *p) {
  if (p + 1 == scan->end) return fail(scan, p + 1, NULL);
  switch (p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      return p + 2;
    case 'u':
      return scan_unicode_escape(scan, p);
    default:
      return fail(scan, p, "invalid escape");
  }
}

/* p is behind the opening quote. */
static inline const guchar *scan_string(Scan *scan, const guchar *p, gboolean *escaped) {
  for (;;) {
    p = skip_plain(scan, p);
    if (p == scan->end) return fail(scan, p, NULL);
    if (G_LIKELY(*p == '"')) return p + 1;
    if (*p == '\\') {
      *escaped = TRUE;
      p = scan_escape(scan, p);
    } else {
      p = *p >= 0x80 ? scan_utf8(scan, p) : fail(scan, p, "control character in a string");
    }
    if (!p) return NULL;
  }
}

static inline gboolean is_digit(const Scan *scan, const guchar *p) { return p < scan->end && *p >= '0' && *p <= '9'; }

static inline const guchar *scan_digits(Scan *scan, const guchar *p) {
  if (!is_digit(scan, p)) return fail(scan, p, "invalid number");
  do p++;
  while (is_digit(scan, p));
  return p;
}

static inline const guchar *scan_number(Scan *scan, const guchar *p) {
  if (is_at(scan, p, '-')) p++;
  p = is_at(scan, p, '0') ? p + 1 : scan_digits(scan, p);
  if (p && is_at(scan, p, '.')) p = scan_digits(scan, p + 1);
  if (p && (is_at(scan, p, 'e') || is_at(scan, p, 'E'))) {
    p++;
    if (is_at(scan, p, '+') || is_at(scan, p, '-')) p++;
    p = scan_digits(scan, p);
  }
  return p;
}

static const guchar *scan_word(Scan *scan, const guchar *p, const char *word) {
  gsize size = strlen(word);
  if ((gsize)(scan->end - p) < size || memcmp(p, word, size) != 0) return fail(scan, p, "not a JSON value");
  return p + size;
}

static inline const guchar *scan_scalar(Scan *scan, const guchar *p, TarnJsonKind *kind, gboolean *escaped) {
  if (p == scan->end) return fail(scan, p, NULL);
  switch (*p) {
    case '"':
      *kind = TARN_JSON_STRING;
      return scan_string(scan, p + 1, escaped);
    case 't':
      *kind = TARN_JSON_BOOL;
      return scan_word(scan, p, "true");
    case 'f':
      *kind = TARN_JSON_BOOL;
      return scan_word(scan, p, "false");
    case 'n':
      *kind = TARN_JSON_NULL;
      return scan_word(scan, p, "null");
    case '-':
    case '0' ... '9':
      *kind = TARN_JSON_NUMBER;
      return scan_number(scan, p);
    default:
      return fail(scan, p, "not a JSON value");
  }
}

/* A key with its quotes. */
static inline const guchar *scan_key(Scan *scan, const guchar *p, gboolean *escaped) {
  return is_at(scan, p, '"') ? scan_string(scan, p + 1, escaped) : fail(scan, p, "a key in quotes is missing");
}

/* The colon between a key and its value, with the space around it. */
static inline const guchar *scan_colon(Scan *scan, const guchar *p) {
  p = skip_space(scan, p);
  return is_at(scan, p, ':') ? skip_space(scan, p + 1) : fail(scan, p, "a colon is missing");
}

/* The comma between two members or items, with the space behind it; p is behind the space before it. */
static inline const guchar *scan_comma(Scan *scan, const guchar *p) {
  return is_at(scan, p, ',') ? skip_space(scan, p + 1) : fail(scan, p, "a comma or closing bracket is missing");
}

static inline gboolean is_opening(const Scan *scan, const guchar *p) {
  return is_at(scan, p, '{') || is_at(scan, p, '[');
}
static inline gboolean is_closing(const Scan *scan, const guchar *p) {
  return is_at(scan, p, scan->closing[scan->depth]);
}

/* Enters the container whose bracket is at p. */
static inline const guchar *scan_opening(Scan *scan, const guchar *p) {
  if (scan->depth == scan->max_depth) return fail(scan, p, "nested deeper than source.max_depth");
  scan->depth++;
  scan->closing[scan->depth] = *p == '{' ? '}' : ']';
  scan->deepest = MAX(scan->deepest, scan->depth);
  return skip_space(scan, p + 1);
}

/* What stands before the next value of a container: a key and its colon in an object, nothing in an array. */
static inline const guchar *scan_label(Scan *scan, const guchar *p) {
  if (scan->closing[scan->depth] == ']') return p;
  gboolean escaped;
  p = scan_key(scan, p, &escaped);
  return p ? scan_colon(scan, p) : NULL;
}

/* A container with all that is in it: a loop, since hostile nesting must not meet recursion. */
static const guchar *scan_container(Scan *scan, const guchar *p) {
  guint outside = scan->depth;
  TarnJsonKind kind;
  gboolean escaped;
  while (p) {
    if (is_opening(scan, p)) {
      p = scan_opening(scan, p);
      if (p && !is_closing(scan, p)) {
        p = scan_label(scan, p);
        continue;
      }
    } else {
      p = scan_scalar(scan, p, &kind, &escaped);
    }
    if (!p) return NULL;
    p = skip_space(scan, p);
    while (is_closing(scan, p)) {
      if (--scan->depth == outside) return p + 1;
      p = skip_space(scan, p + 1);
    }
    p = scan_comma(scan, p);
    if (p) p = scan_label(scan, p);
  }
  return NULL;
}

static inline const guchar *scan_value(Scan *scan, const guchar *p, TarnJsonSlice *value) {
  *value = (TarnJsonSlice){.text = (const char *)p};
  const guchar *behind;
  if (is_opening(scan, p)) {
    value->kind = *p == '{' ? TARN_JSON_OBJECT : TARN_JSON_ARRAY;
    behind = scan_container(scan, p);
  } else {
    behind = scan_scalar(scan, p, &value->kind, &value->escaped);
  }
  if (behind) value->size = (guint32)(behind - p);
  return behind;
}

static inline guint64 load8(const char *p) {
  guint64 word;
  memcpy(&word, p, sizeof word);
  return word;
}

static inline gboolean is_same(const char *a, const char *b, gsize size) {
  if (size < 8 || size > 16) return memcmp(a, b, size) == 0;
  return load8(a) == load8(b) && load8(a + size - 8) == load8(b + size - 8);
}

/* The wanted field that the member is, or -1. */
static inline int find_name(const TarnScanner *scanner, const TarnJsonMember *member, gboolean escaped) {
  guint32 size = member->key_size - 2;
  guint64 candidates = scanner->names_of_size[size_class(size)];
  if (G_UNLIKELY(escaped)) {
    for (guint i = 0; i < scanner->count; i++)
      if (tarn_json_string_is(member->key, member->key_size, scanner->names[i], scanner->sizes[i])) return (int)i;
    return -1;
  }
  for (; candidates; candidates &= candidates - 1) {
    int i = __builtin_ctzll(candidates);
    if (scanner->sizes[i] == size && is_same(scanner->names[i], member->key + 1, size)) return i;
  }
  return -1;
}

static gboolean is_known_other(const TarnScanResult *result, const TarnJsonMember *member, gboolean any_escaped) {
  for (guint i = 0; i < result->other_count; i++) {
    const TarnJsonMember *other = &result->others[i];
    if (other->key_size == member->key_size && memcmp(other->key, member->key, member->key_size) == 0) return TRUE;
    if (any_escaped && tarn_json_strings_equal(other->key, other->key_size, member->key, member->key_size)) return TRUE;
  }
  return FALSE;
}

static void keep_other(TarnScanResult *result, const TarnJsonMember *member, gboolean any_escaped) {
  if (is_known_other(result, member, any_escaped)) return;
  if (result->other_count < TARN_SCAN_MAX_OTHERS)
    result->others[result->other_count++] = *member;
  else
    result->others_overflow = TRUE;
}

/* The members of the record itself; p is behind its opening bracket. */
static const guchar *scan_members(Scan *scan, const guchar *p, const TarnScanner *scanner, TarnJsonSlice *fields,
                                  TarnScanResult *result) {
  gboolean any_escaped = FALSE;
  if (is_at(scan, p, '}')) return p + 1;
  while (p) {
    TarnJsonMember member = {.key = (const char *)p};
    gboolean escaped = FALSE;
    p = scan_key(scan, p, &escaped);
    if (!p) return NULL;
    member.key_size = (guint32)((const char *)p - member.key);
    p = scan_colon(scan, p);
    if (p) p = scan_value(scan, p, &member.value);
    if (!p) return NULL;
    any_escaped |= escaped;
    int name = find_name(scanner, &member, escaped);
    if (name < 0)
      keep_other(result, &member, any_escaped);
    else if (fields[name].kind == TARN_JSON_ABSENT)
      fields[name] = member.value;
    p = skip_space(scan, p);
    if (is_at(scan, p, '}')) return p + 1;
    p = scan_comma(scan, p);
  }
  return NULL;
}

static gboolean scan_record(Scan *scan, const TarnScanner *scanner, TarnJsonSlice *fields, TarnScanResult *result) {
  const guchar *p = skip_space(scan, scan->start);
  if (!is_at(scan, p, '{')) {
    scan->why = p < scan->end ? "no object" : "empty";
    scan->fault = p;
    return FALSE;
  }
  p = scan_opening(scan, p);
  if (p) p = scan_members(scan, p, scanner, fields, result);
  if (!p) return FALSE;
  p = skip_space(scan, p);
  if (p < scan->end) fail(scan, p, "something behind the object");
  return p == scan->end;
}

TarnScanVerdict tarn_json_scan(const TarnScanner *scanner, const char *data, gsize size, TarnJsonSlice *fields,
                               TarnScanResult *result) {
  g_return_val_if_fail(size <= G_MAXUINT32, TARN_SCAN_NOT_OBJECT);
  char closing[TARN_SCAN_DEPTH_LIMIT + 1];
  Scan scan = {.start = (const guchar *)data,
               .end = (const guchar *)data + size,
               .max_depth = scanner->max_depth,
               .closing = closing};
  memset(fields, 0, scanner->count * sizeof *fields);
  result->other_count = 0;
  result->others_overflow = FALSE;
  gboolean is_object = scan_record(&scan, scanner, fields, result);
  const guchar *fault = is_object ? scan.unreadable : scan.fault;
  result->why = is_object ? scan.unreadable_why : scan.why;
  result->error_offset = fault ? (guint32)(fault - scan.start) : 0;
  result->depth = scan.deepest;
  if (!is_object) return TARN_SCAN_NOT_OBJECT;
  return scan.unreadable ? TARN_SCAN_NOT_READABLE : TARN_SCAN_OK;
}
