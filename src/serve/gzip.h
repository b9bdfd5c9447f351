/* gzip for responses, in pieces: memory is bounded by what the caller hands over at once. Belongs to one thread at a
 * time. The bytes depend on the input alone, not on the time. */
#pragma once
#include <glib.h>

typedef struct TarnGzip TarnGzip;

TarnGzip *tarn_gzip_new(void);
void tarn_gzip_free(TarnGzip *gzip); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnGzip, tarn_gzip_free)

/* Compresses the next piece; what is ready is appended to out. last: the stream ends with it. */
void tarn_gzip_write(TarnGzip *gzip, const char *data, gsize size, gboolean last, GString *out);

/* Does a request with this Accept-Encoding (NULL: it has none) take gzip? */
gboolean tarn_gzip_accepted(const char *accept_encoding);
