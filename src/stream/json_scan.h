/* The event scanner: validates one record as a JSON object (RFC 8259), measures its depth and slices its top-level fields,
 * in one pass, without a tree and without allocating. In: the record's bytes (not NUL-terminated, hostile). Out: for each wanted
 * field the slice of the record that holds its value, and the other top-level fields in order. Thread-safe: no state.
 *
 * Verdicts, of which the first that applies is given:
 *   NOT_OBJECT    no JSON object by RFC 8259: bad syntax, bare NaN or Infinity, trailing comma, invalid UTF-8, control
 *                 characters in strings, NUL bytes, anything behind the object, nesting deeper than max_depth
 *   NOT_READABLE  an object that RFC 8259 allows but DuckDB refuses to read: lone surrogate escapes. Nothing else was
 *                 found: of \u0000, 1e400, a million digits, 2 MB strings and odd keys DuckDB 1.5.6 reads every one
 *                 (tests/fuzz/fuzz_json_duckdb.c holds this) */
#pragma once
#include <glib.h>

typedef enum {
  TARN_SCAN_OK,
  TARN_SCAN_NOT_OBJECT,
  TARN_SCAN_NOT_READABLE,
} TarnScanVerdict;

typedef enum {
  TARN_JSON_ABSENT = 0,
  TARN_JSON_NULL,
  TARN_JSON_STRING, /* slice includes the quotes */
  TARN_JSON_NUMBER,
  TARN_JSON_BOOL,
  TARN_JSON_OBJECT,
  TARN_JSON_ARRAY,
} TarnJsonKind;

typedef struct {
  const char *text; /* borrowed from the record: the value's exact text, without surrounding white space */
  guint32 size;
  TarnJsonKind kind;
  gboolean escaped; /* STRING: holds at least one backslash */
} TarnJsonSlice;

typedef struct {
  const char *key; /* borrowed from the record: the key's text with its quotes */
  guint32 key_size;
  TarnJsonSlice value;
} TarnJsonMember;

/* The wanted fields, prepared once for a source; immutable and shared by threads after. */
typedef struct TarnScanner TarnScanner;

#define TARN_SCAN_DEPTH_LIMIT 1024

/* names: NULL-terminated, copied; at most 64. max_depth: 1..TARN_SCAN_DEPTH_LIMIT, an object alone has depth 1. */
TarnScanner *tarn_scanner_new(const char *const *names, guint max_depth);
void tarn_scanner_free(TarnScanner *scanner); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnScanner, tarn_scanner_free)

#define TARN_SCAN_MAX_OTHERS 256

typedef struct {
  const char *why;      /* NOT_OBJECT, NOT_READABLE: static text that says what is wrong ("invalid UTF-8") */
  guint32 error_offset; /* byte offset of the fault */
  guint depth;          /* deepest nesting seen */
  /* members that are not wanted fields, in order, first of equal keys only; up to TARN_SCAN_MAX_OTHERS are
     sliced, more make others_overflow TRUE (the caller then falls back to the record's whole text) */
  guint other_count;
  gboolean others_overflow;
  TarnJsonMember others[TARN_SCAN_MAX_OTHERS];
} TarnScanResult;

/* fields: one slice for each name of the scanner, in its order; ABSENT where the record lacks it. Of duplicate keys the first counts.
 * Keys are compared after unescaping. fields and result are fully set only on TARN_SCAN_OK. */
TarnScanVerdict tarn_json_scan(const TarnScanner *scanner, const char *data, gsize size, TarnJsonSlice *fields,
                               TarnScanResult *result);

/* Appends a STRING slice's value, unescaped, without quotes. May append NUL bytes (from \u0000). */
void tarn_json_unescape(const TarnJsonSlice *slice, GString *out);
