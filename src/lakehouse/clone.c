/* A copy of a whole file, as cheap as the file system allows. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "lakehouse/generation_private.h"

#define STEP ((gsize)32 * 1024 * 1024) /* copied, then handed to the disk */
#define BUFFER ((gsize)1024 * 1024)

/* Up to STEP bytes by read and write, for kernels and file systems without copy_file_range. */
static gssize copy_by_buffer(int source, int target, off_t offset) {
  g_autofree char *buffer = g_malloc(BUFFER);
  gsize done = 0;
  while (done < STEP) {
    gssize got = pread(source, buffer, BUFFER, offset + (off_t)done);
    if (got < 0) return -1;
    if (got == 0) break;
    for (gssize put = 0; put < got;) {
      gssize n = pwrite(target, buffer + put, (gsize)(got - put), offset + (off_t)done + put);
      if (n < 0) return -1;
      put += n;
    }
    done += (gsize)got;
  }
  return (gssize)done;
}

static gssize copy_step(int source, int target, off_t offset) {
  off_t from = offset, to = offset;
  gssize n = copy_file_range(source, &from, target, &to, STEP, 0);
  if (n >= 0) return n;
  if (errno == EXDEV || errno == ENOSYS || errno == EINVAL || errno == EOPNOTSUPP)
    return copy_by_buffer(source, target, offset);
  return -1;
}

/* 0 or an errno. */
static int copy_contents(int source, int target, off_t size) {
  if (ioctl(target, FICLONE, source) == 0) return 0;
  off_t offset = 0;
  while (offset < size) {
    gssize n = copy_step(source, target, offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return EIO; /* the file became shorter under us */
    sync_file_range(target, offset, n, SYNC_FILE_RANGE_WRITE);
    offset += n;
  }
  return 0;
}

static gboolean clone_open_file(int source, const char *source_path, const char *target_path, GError **error) {
  struct stat info;
  if (fstat(source, &info) != 0) {
    tarn_error_set_errno(error, errno, "cannot read %s", source_path);
    return FALSE;
  }
  if (!tarn_space_check(target_path, (guint64)info.st_size, error)) return FALSE;
  int target = open(target_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (target < 0) {
    tarn_error_set_errno(error, errno, "cannot create %s", target_path);
    return FALSE;
  }
  int failure = copy_contents(source, target, info.st_size);
  if (close(target) != 0 && !failure) failure = errno;
  if (!failure) return TRUE;
  unlink(target_path);
  tarn_error_set_errno(error, failure, "cannot copy %s to %s", source_path, target_path);
  return FALSE;
}

gboolean tarn_clone_file(const char *source, const char *target, GError **error) {
  int fd = open(source, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    tarn_error_set_errno(error, errno, "cannot read %s", source);
    return FALSE;
  }
  gboolean ok = clone_open_file(fd, source, target, error);
  close(fd);
  return ok;
}

gboolean tarn_sync_path(const char *path, GError **error) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  gboolean ok = fd >= 0 && fsync(fd) == 0;
  if (!ok) tarn_error_set_errno(error, errno, "cannot write %s through to the disk", path);
  if (fd >= 0) close(fd);
  return ok;
}
