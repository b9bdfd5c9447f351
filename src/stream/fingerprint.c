#include "stream/fingerprint.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

gboolean tarn_fingerprint_read(int fd, const char *path, gint64 offset, gpointer buffer, gsize size, GError **error) {
  for (gsize done = 0; done < size;) {
    gssize got = pread(fd, (char *)buffer + done, size - done, offset + (gint64)done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      tarn_error_set_detail(error, TARN_ERROR_SOURCE, got < 0 ? g_strerror(errno) : "the file ended early",
                            "run again when nobody truncates the file", "cannot read %s", path);
      return FALSE;
    }
    done += (gsize)got;
  }
  return TRUE;
}

/* Feeds the bytes from..to of the file. */
static gboolean feed(GChecksum *checksum, int fd, const char *path, gint64 from, gint64 to, GError **error) {
  guchar buffer[TARN_FINGERPRINT_BYTES];
  while (from < to) {
    gsize size = (gsize)MIN(to - from, (gint64)sizeof buffer);
    if (!tarn_fingerprint_read(fd, path, from, buffer, size, error)) return FALSE;
    g_checksum_update(checksum, buffer, (gssize)size);
    from += (gint64)size;
  }
  return TRUE;
}

static char *format_identity(GChecksum *checksum, gint64 size) {
  return g_strdup_printf("sha256:%s:%" G_GINT64_FORMAT, g_checksum_get_string(checksum), size);
}

char *tarn_identity_compute(int fd, const char *path, gint64 size, GError **error) {
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  return feed(checksum, fd, path, 0, size, error) ? format_identity(checksum, size) : NULL;
}

gint64 tarn_identity_size(const char *identity) {
  const char *size = g_str_has_prefix(identity, "sha256:") ? strrchr(identity, ':') + 1 : "0";
  return MAX(0, g_ascii_strtoll(size, NULL, 10));
}

gboolean tarn_identity_match(int fd, const char *path, gint64 file_size, const GArray *sizes, GHashTable *wanted,
                             GPtrArray **matches, GError **error) {
  g_autoptr(GPtrArray) found = g_ptr_array_new();
  g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
  gint64 hashed = 0;
  for (guint i = 0; i < sizes->len; i++) {
    gint64 size = g_array_index(sizes, gint64, i);
    if (size > file_size || (size > TARN_FINGERPRINT_BYTES && found->len == 0)) break;
    if (!feed(checksum, fd, path, hashed, size, error)) return FALSE;
    hashed = size;
    g_autoptr(GChecksum) until_here = g_checksum_copy(checksum);
    g_autofree char *identity = format_identity(until_here, size);
    gpointer key;
    if (g_hash_table_lookup_extended(wanted, identity, &key, NULL)) g_ptr_array_insert(found, 0, key);
  }
  *matches = g_steal_pointer(&found);
  return TRUE;
}

void tarn_tail_push(TarnTail *tail, const void *bytes, gsize size) {
  gsize added = MIN(size, TARN_FINGERPRINT_BYTES);
  gsize kept = MIN(tail->size, TARN_FINGERPRINT_BYTES - added);
  memmove(tail->bytes, tail->bytes + tail->size - kept, kept);
  memcpy(tail->bytes + kept, (const guchar *)bytes + size - added, added);
  tail->size = kept + added;
}

gboolean tarn_tail_read(TarnTail *tail, int fd, const char *path, gint64 offset, GError **error) {
  tail->size = (gsize)MIN(offset, TARN_FINGERPRINT_BYTES);
  return tarn_fingerprint_read(fd, path, offset - (gint64)tail->size, tail->bytes, tail->size, error);
}

char *tarn_tail_digest(const TarnTail *tail) {
  return g_compute_checksum_for_data(G_CHECKSUM_SHA256, tail->bytes, tail->size);
}
