/* Files of an archive, which may lie on a volume that can do little: an object store behind a mount has no hard links, often no rename, and no writing
 * into what is there. So every file gets a name that was never used before, is written from its beginning to its end, and counts only once a later manifest
 * names it. In: paths. Out: files that are on the disk when the call returns. Failure leaves no file of the final name, or one that nothing refers to. */
#pragma once
#include <glib.h>

#define TARN_ARCHIVE_TEMP_SUFFIX ".tmp" /* no reader takes such a file for data */

/* The name under which the file of that final name is made. Caller frees. */
char *tarn_archive_temp_path(const char *path);

/* SHA-256 in hex and size of a file. Errors: TARN_ERROR_ENVIRONMENT naming the file. */
gboolean tarn_archive_file_digest(const char *path, char **sha256, gint64 *bytes, GError **error);

/* Writes the closed temporary file of path through to the disk and gives it that name: by rename, and where the volume has none by a copy that is read
 * again and compared. sha256: what it holds. */
gboolean tarn_archive_file_publish(const char *path, const char *sha256, GError **error);

/* A small file of that text, whole or not at all. */
gboolean tarn_archive_file_write(const char *path, const char *text, gsize size, GError **error);

gboolean tarn_archive_make_folder(const char *path, GError **error);
/* What a crash leaves: temporary files in the folder. They are removed; what cannot be stays. */
void tarn_archive_remove_temporary(const char *folder);
