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

static void page_free(TarnQueryPage *page) {
  if (!page) return;
  g_free(page->prefix);
  g_free(page->link);
  g_free(page);
}

void tarn_query_free(TarnQuery *query) {
  if (!query) return;
  page_free(query->page);
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

/* The query's own copy: what it points to is in query->texts. */
static TarnValue copy_value(TarnQuery *query, const TarnValue *value) {
  TarnValue copy = *value;
  if (value->type == TARN_VALUE_TEXT || value->type == TARN_VALUE_BLOB) {
    copy.bytes.data = g_strndup(value->bytes.data, value->bytes.size);
    g_ptr_array_add(query->texts, (gpointer)copy.bytes.data);
  } else if (value->type == TARN_VALUE_LIST) {
    copy.list.items = g_new0(TarnValue, value->list.n);
    g_ptr_array_add(query->texts, copy.list.items);
    for (guint i = 0; i < value->list.n; i++) copy.list.items[i] = copy_value(query, &value->list.items[i]);
  }
  return copy;
}

static void append_value(GString *out, const TarnValue *value);

/* Its elements are escaped here, so that no comma of theirs separates. */
static void append_list(GString *out, const TarnValue *list) {
  for (guint i = 0; i < list->list.n; i++) {
    g_autoptr(GString) item = g_string_new(NULL);
    append_value(item, &list->list.items[i]);
    if (i > 0) g_string_append_c(out, ',');
    g_string_append_uri_escaped(out, item->str, NULL, TRUE);
  }
}

static void append_value(GString *out, const TarnValue *value) {
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  g_autofree char *blob = NULL;
  switch (value->type) {
    case TARN_VALUE_BOOL:
      g_string_append(out, value->boolean ? "true" : "false");
      break;
    case TARN_VALUE_DOUBLE:
      g_string_append(out, g_ascii_dtostr(number, sizeof number, value->real));
      break;
    case TARN_VALUE_TEXT:
      g_string_append_len(out, value->bytes.data, (gssize)value->bytes.size);
      break;
    case TARN_VALUE_BLOB:
      blob = g_base64_encode((const guchar *)value->bytes.data, value->bytes.size);
      g_string_append(out, blob);
      break;
    case TARN_VALUE_LIST:
      append_list(out, value);
      break;
    default:
      g_string_append_printf(out, "%" G_GINT64_FORMAT, value->integer);
  }
}

void tarn_query_add_value(TarnQuery *query, const char *name, const TarnValue *value) {
  const TarnQueryValue added = {name, copy_value(query, value)};
  g_array_append_val(query->values, added);
  if (!name || value->type == TARN_VALUE_NULL) return;
  g_autoptr(GString) text = g_string_new(NULL);
  append_value(text, value);
  tarn_query_add_key(query, name, text->str);
}
