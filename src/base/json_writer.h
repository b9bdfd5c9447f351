/* Writes one JSON document, always valid: escapes strings, replaces invalid UTF-8 by U+FFFD, turns NaN and
 * infinities into null, places commas. Calls return nothing; misuse (a value without its key, an unbalanced end)
 * is an assertion. In: values in order. Out: bytes appended to a GString that the caller owns.
 * One writer belongs to one thread at a time. */
#pragma once
#include <glib.h>

#define TARN_JSON_MAX_DEPTH 200

typedef struct {
  GString *out; /* borrowed */
  guint depth;
  gboolean need_comma;
  gboolean have_key;
  char stack[TARN_JSON_MAX_DEPTH];
} TarnJsonWriter;

void tarn_json_init(TarnJsonWriter *writer, GString *out);
void tarn_json_begin_object(TarnJsonWriter *writer);
void tarn_json_end_object(TarnJsonWriter *writer);
void tarn_json_begin_array(TarnJsonWriter *writer);
void tarn_json_end_array(TarnJsonWriter *writer);
void tarn_json_key(TarnJsonWriter *writer, const char *key);
void tarn_json_string(TarnJsonWriter *writer, const char *value);                 /* NULL writes null */
void tarn_json_string_len(TarnJsonWriter *writer, const char *value, gsize size); /* may hold NUL bytes */
void tarn_json_int(TarnJsonWriter *writer, gint64 value);
void tarn_json_uint(TarnJsonWriter *writer, guint64 value);
void tarn_json_double(TarnJsonWriter *writer, double value); /* shortest text that reads back the same */
void tarn_json_bool(TarnJsonWriter *writer, gboolean value);
void tarn_json_null(TarnJsonWriter *writer);
void tarn_json_raw(TarnJsonWriter *writer, const char *json, gsize size); /* one complete valid JSON value */

/* Key and value in one call. */
void tarn_json_member_string(TarnJsonWriter *writer, const char *key, const char *value);
void tarn_json_member_int(TarnJsonWriter *writer, const char *key, gint64 value);
void tarn_json_member_double(TarnJsonWriter *writer, const char *key, double value);
void tarn_json_member_bool(TarnJsonWriter *writer, const char *key, gboolean value);
