#include "pipeline/archive_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"

#define BUFFER ((gsize)1024 * 1024)

char *tarn_archive_temp_path(const char *path) { return g_strconcat(path, TARN_ARCHIVE_TEMP_SUFFIX, NULL); }

static int open_file(const char *path, int flags, GError **error) {
  int fd = open(path, flags | O_CLOEXEC, 0644);
  if (fd < 0) tarn_error_set_errno(error, errno, "cannot open %s", path);
  return fd;
}

/* Bytes of a file to a checksum and, where target is not -1, to another file. */
static gboolean pump(int source, int target, GChecksum *sum, gint64 *bytes) {
  g_autofree guchar *buffer = g_malloc(BUFFER);
  *bytes = 0;
  for (gssize got; (got = read(source, buffer, BUFFER)) != 0;) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FALSE;
    g_checksum_update(sum, buffer, got);
    *bytes += got;
    for (gssize put = 0, n; target >= 0 && put < got; put += n)
      if ((n = write(target, buffer + put, (gsize)(got - put))) < 0) return FALSE;
  }
  return TRUE;
}

gboolean tarn_archive_file_digest(const char *path, char **sha256, gint64 *bytes, GError **error) {
  int fd = open_file(path, O_RDONLY, error);
  if (fd < 0) return FALSE;
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  gboolean ok = pump(fd, -1, sum, bytes);
  if (ok)
    *sha256 = g_strdup(g_checksum_get_string(sum));
  else
    tarn_error_set_errno(error, errno, "cannot read %s", path);
  close(fd);
  return ok;
}

/* Volumes that cannot do a thing at all, as opposed to one that fails at it. */
static gboolean is_unsupported(int errno_value) {
  return errno_value == ENOSYS || errno_value == EOPNOTSUPP || errno_value == EINVAL || errno_value == EPERM ||
         errno_value == EXDEV;
}

/* fsync of a file or folder. An object store has none: a file is there once it is closed. */
static gboolean sync_path(const char *path, GError **error) {
  int fd = open_file(path, O_RDONLY, error);
  if (fd < 0) return FALSE;
  gboolean ok = fsync(fd) == 0 || is_unsupported(errno);
  if (!ok) tarn_error_set_errno(error, errno, "cannot write %s through to the disk", path);
  close(fd);
  return ok;
}

static gboolean sync_parent(const char *path, GError **error) {
  g_autofree char *folder = g_path_get_dirname(path);
  return sync_path(folder, error);
}

static gboolean copy_bytes(const char *from, const char *to, GError **error) {
  int source = open_file(from, O_RDONLY, error);
  if (source < 0) return FALSE;
  int target = open_file(to, O_WRONLY | O_CREAT | O_EXCL, error);
  gboolean ok = target >= 0;
  if (ok) {
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    gint64 bytes;
    ok = pump(source, target, sum, &bytes);
    ok = (fsync(target) == 0 || is_unsupported(errno)) && ok;
    ok = close(target) == 0 && ok;
    if (!ok) tarn_error_set_errno(error, errno, "cannot write %s", to);
  }
  close(source);
  return ok;
}

/* The way of volumes without rename. */
static gboolean publish_by_copy(const char *temp, const char *path, const char *sha256, GError **error) {
  gboolean ok = copy_bytes(temp, path, error);
  g_autofree char *found = NULL;
  gint64 bytes;
  if (ok && (ok = tarn_archive_file_digest(path, &found, &bytes, error)) && !g_str_equal(found, sha256)) {
    tarn_error_set(error, TARN_ERROR_ENVIRONMENT, "check the volume, then run `tarn archive` again",
                   "%s does not hold what was written to it", path);
    ok = FALSE;
  }
  unlink(temp);
  if (!ok) unlink(path);
  return ok;
}

gboolean tarn_archive_file_publish(const char *path, const char *sha256, GError **error) {
  g_autofree char *temp = tarn_archive_temp_path(path);
  if (!sync_path(temp, error)) return FALSE;
  gboolean can_rename = tarn_fault_point("archive.rename", NULL);
  if (can_rename && rename(temp, path) == 0) return sync_parent(path, error);
  if (!can_rename || is_unsupported(errno)) return publish_by_copy(temp, path, sha256, error);
  tarn_error_set_errno(error, errno, "cannot rename %s", temp);
  return FALSE;
}

static gboolean write_temp(const char *temp, const char *text, gsize size, GError **error) {
  int fd = open_file(temp, O_WRONLY | O_CREAT | O_EXCL, error);
  if (fd < 0) return FALSE;
  gboolean ok = TRUE;
  for (gssize put = 0, n; ok && put < (gssize)size; put += n) ok = (n = write(fd, text + put, size - (gsize)put)) >= 0;
  ok = close(fd) == 0 && ok;
  if (!ok) tarn_error_set_errno(error, errno, "cannot write %s", temp);
  return ok;
}

gboolean tarn_archive_file_write(const char *path, const char *text, gsize size, GError **error) {
  g_autofree char *temp = tarn_archive_temp_path(path);
  g_autofree char *sha256 = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text, size);
  unlink(temp);
  return write_temp(temp, text, size, error) && tarn_fault_point("archive.manifest", error) &&
         tarn_archive_file_publish(path, sha256, error);
}

gboolean tarn_archive_make_folder(const char *path, GError **error) {
  if (g_mkdir_with_parents(path, 0755) == 0) return TRUE;
  if (errno == ENOTDIR || errno == EEXIST) {
    tarn_error_set(error, TARN_ERROR_USAGE, "name a folder", "%s is no folder", path);
    return FALSE;
  }
  tarn_error_set_errno(error, errno, "cannot make the folder %s", path);
  return FALSE;
}

void tarn_archive_remove_temporary(const char *folder) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (g_str_has_suffix(name, TARN_ARCHIVE_TEMP_SUFFIX)) unlink(path);
  }
}
