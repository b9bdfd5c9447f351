#include "serve/gzip.h"

#include <gio/gio.h>
#include <string.h>

#define LEVEL 4 /* JSON shrinks nearly as well as at the default level, in half the time */
#define ROOM_BYTES 16384

struct TarnGzip {
  GConverter *converter;
};

TarnGzip *tarn_gzip_new(void) {
  TarnGzip *gzip = g_new0(TarnGzip, 1);
  gzip->converter = G_CONVERTER(g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, LEVEL));
  return gzip;
}

void tarn_gzip_free(TarnGzip *gzip) {
  if (!gzip) return;
  g_object_unref(gzip->converter);
  g_free(gzip);
}

/* One call of the converter, which always has room; returns FALSE where it wants more input or is at its end. */
static gboolean convert(TarnGzip *gzip, const char **data, gsize *size, gboolean last, GString *out) {
  g_autoptr(GError) error = NULL;
  gsize before = out->len, used = 0, made = 0;
  g_string_set_size(out, before + ROOM_BYTES);
  GConverterResult result = g_converter_convert(gzip->converter, *data, *size, out->str + before, ROOM_BYTES,
                                                last ? G_CONVERTER_INPUT_AT_END : 0, &used, &made, &error);
  g_string_set_size(out, before + made);
  if (result == G_CONVERTER_ERROR && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT))
    g_error("gzip failed: %s", error->message); /* out of memory alone */
  *data += used;
  *size -= used;
  return result == G_CONVERTER_CONVERTED;
}

void tarn_gzip_write(TarnGzip *gzip, const char *data, gsize size, gboolean last, GString *out) {
  while ((size > 0 || last) && convert(gzip, &data, &size, last, out)) continue;
}

/* "gzip;q=0.5" names gzip; weight 0 refuses it. */
static gboolean coding_is(const char *coding, gsize size, const char *name, double *weight) {
  gsize name_size = strlen(name);
  if (size < name_size || g_ascii_strncasecmp(coding, name, name_size) != 0) return FALSE;
  if (size > name_size && !strchr("; \t", coding[name_size])) return FALSE;
  g_autofree char *text = g_strndup(coding, size);
  const char *given = strstr(text, "q=");
  *weight = given ? g_ascii_strtod(given + 2, NULL) : 1;
  return TRUE;
}

gboolean tarn_gzip_accepted(const char *accept_encoding) {
  double weight = 0, any = 0;
  for (const char *p = accept_encoding; p;) {
    while (g_ascii_isspace(*p)) p++;
    gsize size = strcspn(p, ",");
    if (coding_is(p, size, "gzip", &weight)) return weight > 0;
    coding_is(p, size, "*", &any);
    p = p[size] ? p + size + 1 : NULL;
  }
  return any > 0;
}
