#include <string.h>

#include "serve/http.h"

static void header_clear(gpointer header) { g_free(((TarnHttpHeader *)header)->value); }

static TarnHttpHeader *find(const TarnHttpResponse *response, const char *name) {
  for (guint i = 0; response->headers && i < response->headers->len; i++) {
    TarnHttpHeader *header = &g_array_index(response->headers, TarnHttpHeader, i);
    if (g_ascii_strcasecmp(header->name, name) == 0) return header;
  }
  return NULL;
}

void tarn_http_response_set_header(TarnHttpResponse *response, const char *name, const char *value) {
  char *copy = g_strdup(value);
  TarnHttpHeader *found = find(response, name);
  if (found) {
    g_free(found->value);
    found->value = copy;
    return;
  }
  if (!response->headers) {
    response->headers = g_array_new(FALSE, FALSE, sizeof(TarnHttpHeader));
    g_array_set_clear_func(response->headers, header_clear);
  }
  const TarnHttpHeader header = {name, copy};
  g_array_append_val(response->headers, header);
}

const char *tarn_http_response_header(const TarnHttpResponse *response, const char *name) {
  const TarnHttpHeader *found = find(response, name);
  return found ? found->value : NULL;
}

void tarn_http_response_add_vary(TarnHttpResponse *response, const char *name) {
  const char *before = tarn_http_response_header(response, "Vary");
  g_autofree char *both = before ? g_strdup_printf("%s, %s", before, name) : NULL;
  tarn_http_response_set_header(response, "Vary", both ? both : name);
}

void tarn_http_response_reset(TarnHttpResponse *response) {
  if (response->body) g_string_truncate(response->body, 0);
  g_clear_pointer(&response->headers, g_array_unref);
  g_clear_pointer(&response->bytes, g_bytes_unref);
  g_clear_error(&response->error);
}

void tarn_http_response_clear(TarnHttpResponse *response) {
  tarn_http_response_reset(response);
  if (response->body) g_string_free(response->body, TRUE);
  response->body = NULL;
}
