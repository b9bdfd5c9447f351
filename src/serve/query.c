#include "serve/query.h"

#include <string.h>

TarnQuery *tarn_query_new(const char *route) {
  TarnQuery *query = g_new0(TarnQuery, 1);
  query->route = route;
  query->key = g_string_new(route);
  query->statement = -1;
  query->values = g_array_new(FALSE, FALSE, sizeof(TarnQueryValue));
  query->texts = g_ptr_array_new_with_free_func(g_free);
  return query;
}

void tarn_query_free(TarnQuery *query) {
  if (!query) return;
  g_string_free(query->key, TRUE);
  g_free(query->sql);
  g_array_unref(query->values);
  g_ptr_array_unref(query->texts);
  g_free(query);
}

void tarn_query_add_key(TarnQuery *query, const char *name, const char *value) {
  g_string_append_c(query->key, strchr(query->key->str, '?') ? '&' : '?');
  g_string_append_uri_escaped(query->key, name, NULL, TRUE);
  g_string_append_c(query->key, '=');
  g_string_append_uri_escaped(query->key, value, NULL, TRUE);
}

static char *value_text(const TarnValue *value) {
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  switch (value->type) {
    case TARN_VALUE_BOOL:
      return g_strdup(value->boolean ? "true" : "false");
    case TARN_VALUE_DOUBLE:
      return g_strdup(g_ascii_dtostr(number, sizeof number, value->real));
    case TARN_VALUE_TEXT:
      return g_strndup(value->bytes.data, value->bytes.size);
    case TARN_VALUE_BLOB:
      return g_base64_encode((const guchar *)value->bytes.data, value->bytes.size);
    default:
      return g_strdup_printf("%" G_GINT64_FORMAT, value->integer);
  }
}

void tarn_query_add_value(TarnQuery *query, const char *name, const TarnValue *value) {
  TarnQueryValue added = {name, *value};
  if (value->type == TARN_VALUE_TEXT || value->type == TARN_VALUE_BLOB) {
    char *copy = g_strndup(value->bytes.data, value->bytes.size);
    g_ptr_array_add(query->texts, copy);
    added.value.bytes.data = copy;
  }
  g_array_append_val(query->values, added);
  if (!name || value->type == TARN_VALUE_NULL) return;
  g_autofree char *text = value_text(value);
  tarn_query_add_key(query, name, text);
}
