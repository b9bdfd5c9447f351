#include <string.h>

#include "serve/http.h"

static void header_clear(gpointer header) { g_free(((TarnHttpHeader *)header)->value); }

void tarn_http_response_set_header(TarnHttpResponse *response, const char *name, const char *value) {
  if (!response->headers) {
    response->headers = g_array_new(FALSE, FALSE, sizeof(TarnHttpHeader));
    g_array_set_clear_func(response->headers, header_clear);
  }
  for (guint i = 0; i < response->headers->len; i++) {
    TarnHttpHeader *header = &g_array_index(response->headers, TarnHttpHeader, i);
    if (g_ascii_strcasecmp(header->name, name) != 0) continue;
    g_free(header->value);
    header->value = g_strdup(value);
    return;
  }
  const TarnHttpHeader header = {name, g_strdup(value)};
  g_array_append_val(response->headers, header);
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
