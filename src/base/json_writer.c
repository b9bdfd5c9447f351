#include "base/json_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tarn_json_init(TarnJsonWriter *writer, GString *out) { *writer = (TarnJsonWriter){.out = out}; }

static gboolean in_object(const TarnJsonWriter *writer) {
  return writer->depth > 0 && writer->stack[writer->depth - 1] == '{';
}

static void before_value(TarnJsonWriter *writer) {
  g_assert(!in_object(writer) || writer->have_key);
  if (writer->need_comma && !writer->have_key) g_string_append_c(writer->out, ',');
  writer->have_key = FALSE;
  writer->need_comma = TRUE;
}

static void begin(TarnJsonWriter *writer, char bracket) {
  before_value(writer);
  g_assert(writer->depth < TARN_JSON_MAX_DEPTH);
  writer->stack[writer->depth++] = bracket;
  writer->need_comma = FALSE;
  g_string_append_c(writer->out, bracket);
}

static void end(TarnJsonWriter *writer, char bracket, char closing) {
  g_assert(writer->depth > 0 && writer->stack[writer->depth - 1] == bracket && !writer->have_key);
  writer->depth--;
  writer->need_comma = TRUE;
  g_string_append_c(writer->out, closing);
}

void tarn_json_begin_object(TarnJsonWriter *writer) { begin(writer, '{'); }
void tarn_json_end_object(TarnJsonWriter *writer) { end(writer, '{', '}'); }
void tarn_json_begin_array(TarnJsonWriter *writer) { begin(writer, '['); }
void tarn_json_end_array(TarnJsonWriter *writer) { end(writer, '[', ']'); }

static void append_escape(GString *out, guchar byte) {
  switch (byte) {
    case '"':
      g_string_append(out, "\\\"");
      break;
    case '\\':
      g_string_append(out, "\\\\");
      break;
    case '\n':
      g_string_append(out, "\\n");
      break;
    case '\r':
      g_string_append(out, "\\r");
      break;
    case '\t':
      g_string_append(out, "\\t");
      break;
    default:
      g_string_append_printf(out, "\\u%04x", byte);
  }
}

/* Bytes of one valid UTF-8 sequence at p, or 0. */
static gsize utf8_length(const guchar *p, gsize left) {
  gunichar c = g_utf8_get_char_validated((const char *)p, (gssize)left);
  if (c == (gunichar)-1 || c == (gunichar)-2) return 0;
  return (gsize)g_unichar_to_utf8(c, NULL);
}

static void append_quoted(GString *out, const char *value, gsize size) {
  const guchar *p = (const guchar *)value, *stop = p + size, *run = p;
  g_string_append_c(out, '"');
  while (p < stop) {
    if (*p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\') {
      p++;
      continue;
    }
    gsize length = *p >= 0x80 ? utf8_length(p, (gsize)(stop - p)) : 0;
    if (length > 0) {
      p += length;
      continue;
    }
    g_string_append_len(out, (const char *)run, p - run);
    if (*p >= 0x80)
      g_string_append(out, "\xef\xbf\xbd");
    else
      append_escape(out, *p);
    run = ++p;
  }
  g_string_append_len(out, (const char *)run, p - run);
  g_string_append_c(out, '"');
}

void tarn_json_key(TarnJsonWriter *writer, const char *key) {
  g_assert(in_object(writer) && !writer->have_key);
  if (writer->need_comma) g_string_append_c(writer->out, ',');
  append_quoted(writer->out, key, strlen(key));
  g_string_append_c(writer->out, ':');
  writer->have_key = TRUE;
}

void tarn_json_string_len(TarnJsonWriter *writer, const char *value, gsize size) {
  before_value(writer);
  append_quoted(writer->out, value, size);
}

void tarn_json_string(TarnJsonWriter *writer, const char *value) {
  if (value)
    tarn_json_string_len(writer, value, strlen(value));
  else
    tarn_json_null(writer);
}

void tarn_json_raw(TarnJsonWriter *writer, const char *json, gsize size) {
  before_value(writer);
  g_string_append_len(writer->out, json, (gssize)size);
}

void tarn_json_int(TarnJsonWriter *writer, gint64 value) {
  before_value(writer);
  g_string_append_printf(writer->out, "%" G_GINT64_FORMAT, value);
}

void tarn_json_uint(TarnJsonWriter *writer, guint64 value) {
  before_value(writer);
  g_string_append_printf(writer->out, "%" G_GUINT64_FORMAT, value);
}

void tarn_json_double(TarnJsonWriter *writer, double value) {
  before_value(writer);
  if (!isfinite(value)) {
    g_string_append(writer->out, "null");
    return;
  }
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  for (int digits = 15; digits <= 17; digits++) {
    char format[8];
    snprintf(format, sizeof format, "%%.%dg", digits);
    g_ascii_formatd(text, sizeof text, format, value);
    if (g_ascii_strtod(text, NULL) == value) break;
  }
  g_string_append(writer->out, text);
  if (!strpbrk(text, ".e")) g_string_append(writer->out, ".0");
}

void tarn_json_bool(TarnJsonWriter *writer, gboolean value) {
  before_value(writer);
  g_string_append(writer->out, value ? "true" : "false");
}

void tarn_json_null(TarnJsonWriter *writer) {
  before_value(writer);
  g_string_append(writer->out, "null");
}

void tarn_json_member_string(TarnJsonWriter *writer, const char *key, const char *value) {
  tarn_json_key(writer, key);
  tarn_json_string(writer, value);
}

void tarn_json_member_int(TarnJsonWriter *writer, const char *key, gint64 value) {
  tarn_json_key(writer, key);
  tarn_json_int(writer, value);
}

void tarn_json_member_double(TarnJsonWriter *writer, const char *key, double value) {
  tarn_json_key(writer, key);
  tarn_json_double(writer, value);
}

void tarn_json_member_bool(TarnJsonWriter *writer, const char *key, gboolean value) {
  tarn_json_key(writer, key);
  tarn_json_bool(writer, value);
}
