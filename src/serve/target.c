#include "serve/target.h"

#include <string.h>

static void parameter_free(TarnTargetParameter *parameter) {
  g_free(parameter->name);
  g_free(parameter->value);
  g_free(parameter->raw);
  g_free(parameter);
}

/* g_uri_unescape_segment refuses broken escapes and NULs. */
static char *decode(const char *text, gsize size) {
  g_autofree char *decoded = g_uri_unescape_segment(text, text + size, NULL);
  return decoded && g_utf8_validate(decoded, -1, NULL) ? g_steal_pointer(&decoded) : NULL;
}

/* In a query a plus is a space, as forms send it. */
static char *decode_query(const char *text, gsize size) {
  g_autofree char *spaced = g_strndup(text, size);
  return decode(g_strdelimit(spaced, "+", ' '), size);
}

static void add_parameter(TarnTarget *target, const char *text, gsize size) {
  if (size == 0) return;
  const char *equals = memchr(text, '=', size);
  gsize name_size = equals ? (gsize)(equals - text) : size;
  TarnTargetParameter *parameter = g_new0(TarnTargetParameter, 1);
  parameter->name = decode_query(text, name_size);
  parameter->raw = equals ? g_strndup(equals + 1, size - name_size - 1) : g_strdup("");
  parameter->value = equals ? decode_query(equals + 1, size - name_size - 1) : g_strdup("");
  g_ptr_array_add(target->query, parameter);
}

static void add_segment(TarnTarget *target, const char *text, gsize size) {
  g_ptr_array_add(target->segments, decode(text, size));
}

static void each_part(TarnTarget *target, const char *text, char separator,
                      void (*add)(TarnTarget *, const char *, gsize)) {
  for (const char *end; (end = strchr(text, separator)); text = end + 1) add(target, text, (gsize)(end - text));
  add(target, text, strlen(text));
}

GPtrArray *tarn_target_split(const char *raw, gboolean in_query) {
  GPtrArray *pieces = g_ptr_array_new_with_free_func(g_free);
  for (const char *end = raw; end; raw = end + 1) {
    end = strchr(raw, ',');
    gsize size = end ? (gsize)(end - raw) : strlen(raw);
    g_ptr_array_add(pieces, in_query ? decode_query(raw, size) : decode(raw, size));
    if (!end) break;
  }
  return pieces;
}

char *tarn_target_raw_segment(const TarnTarget *target, guint i) {
  g_auto(GStrv) segments = g_strsplit(target->path[0] == '/' ? target->path + 1 : target->path, "/", -1);
  return g_strdup(i < g_strv_length(segments) ? segments[i] : "");
}

TarnTarget *tarn_target_parse(const char *text) {
  TarnTarget *target = g_new0(TarnTarget, 1);
  const char *question = strchr(text, '?');
  target->path = question ? g_strndup(text, (gsize)(question - text)) : g_strdup(text);
  target->segments = g_ptr_array_new_with_free_func(g_free);
  target->query = g_ptr_array_new_with_free_func((GDestroyNotify)parameter_free);
  each_part(target, target->path[0] == '/' ? target->path + 1 : target->path, '/', add_segment);
  if (question) each_part(target, question + 1, '&', add_parameter);
  return target;
}

gboolean tarn_target_take(TarnTarget *target, const char *name, char **value) {
  g_autofree char *found = NULL;
  gboolean ok = TRUE;
  for (guint i = target->query->len; i > 0; i--) {
    TarnTargetParameter *parameter = target->query->pdata[i - 1];
    if (g_strcmp0(parameter->name, name) != 0) continue;
    ok = ok && !found && parameter->value;
    if (!found) found = g_steal_pointer(&parameter->value);
    g_ptr_array_remove_index(target->query, i - 1);
  }
  if (ok) *value = g_steal_pointer(&found);
  return ok;
}

void tarn_target_free(TarnTarget *target) {
  if (!target) return;
  g_free(target->path);
  g_ptr_array_unref(target->segments);
  g_ptr_array_unref(target->query);
  g_free(target);
}
