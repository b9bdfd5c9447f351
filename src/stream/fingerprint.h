/* What a file is known by, whatever its name: SHA-256 digests of pieces of its bytes as they are on disk.
 * In: open file descriptors, whose offset is neither used nor moved. Errors: TARN_ERROR_SOURCE naming the path. */
#pragma once
#include <glib.h>

/* An identity covers at most this many bytes of a file's start, unless files that share them have to be told apart;
 * a tail holds at most this many bytes before a position. */
#define TARN_FINGERPRINT_BYTES 4096

/* "sha256:<hex>:<size>" of the first size bytes; NULL on failure. Caller frees. */
char *tarn_identity_compute(int fd, const char *path, gint64 size, GError **error);
/* The number of bytes that an identity covers, 0 where it is none of a file. */
gint64 tarn_identity_size(const char *identity);
/* The identities that the file has by the given sizes, which ascend; stops at the first above file_size, and at those
 * above TARN_FINGERPRINT_BYTES unless wanted (whose keys are identities) holds a shorter one. Returns those that wanted
 * holds (borrowed keys), longest first. */
gboolean tarn_identity_match(int fd, const char *path, gint64 file_size, const GArray *sizes, GHashTable *wanted,
                             GPtrArray **matches, GError **error);

/* Reads exactly size bytes at offset. */
gboolean tarn_fingerprint_read(int fd, const char *path, gint64 offset, gpointer buffer, gsize size, GError **error);

/* The last bytes before a position. */
typedef struct {
  gsize size;
  guchar bytes[TARN_FINGERPRINT_BYTES];
} TarnTail;

void tarn_tail_push(TarnTail *tail, const void *bytes, gsize size);
/* Takes the bytes before offset from a plain file. */
gboolean tarn_tail_read(TarnTail *tail, int fd, const char *path, gint64 offset, GError **error);
char *tarn_tail_digest(const TarnTail *tail); /* hex; caller frees */
