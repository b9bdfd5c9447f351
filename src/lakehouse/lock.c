/* The writer lock: flock on <dir>/lock. The file's text is for people only: it tells a second writer who the first one
 * is. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "lakehouse/generation_private.h"

static void refuse_second_writer(const TarnLakehouse *lakehouse, const char *lock_path, GError **error) {
  g_autofree char *holder = NULL;
  if (g_file_get_contents(lock_path, &holder, NULL, NULL)) g_strstrip(holder);
  tarn_error_set(error, TARN_ERROR_BUSY, "wait until it has finished and try again", "%s is being written by %s",
                 lakehouse->path, holder && *holder ? holder : "another process");
}

static void explain_failed_lock(const TarnLakehouse *lakehouse, const char *lock_path, int errno_value,
                                GError **error) {
  if (errno_value == EWOULDBLOCK) {
    refuse_second_writer(lakehouse, lock_path, error);
  } else if (errno_value == ENOLCK || errno_value == EOPNOTSUPP || errno_value == ENOSYS) {
    tarn_error_set_detail(error, TARN_ERROR_ENVIRONMENT, g_strerror(errno_value),
                          "put the database on a local file system, or on a volume that supports flock",
                          "the file system of %s has no file locks", lock_path);
  } else {
    tarn_error_set_errno(error, errno_value, "cannot lock %s", lock_path);
  }
}

/* A failure is no reason to stop: the lock is held, only its text is missing. */
static void write_holder(int fd) {
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char *since = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
  const char *program = g_get_prgname();
  g_autofree char *text = g_strdup_printf("pid %d on %s since %s: %s\n", (int)getpid(), g_get_host_name(), since,
                                          program ? program : "tarn");
  if (ftruncate(fd, 0) == 0 && pwrite(fd, text, strlen(text), 0) < 0) return;
}

gboolean tarn_lakehouse_lock(TarnLakehouse *lakehouse, GError **error) {
  g_assert(lakehouse->lock_fd < 0);
  if (g_mkdir_with_parents(lakehouse->dir, 0755) != 0) {
    tarn_error_set_errno(error, errno, "cannot make the folder %s", lakehouse->dir);
    return FALSE;
  }
  g_autofree char *lock_path = g_build_filename(lakehouse->dir, "lock", NULL);
  int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    tarn_error_set_errno(error, errno, "cannot open the lock file %s", lock_path);
    return FALSE;
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    explain_failed_lock(lakehouse, lock_path, errno, error);
    close(fd);
    return FALSE;
  }
  lakehouse->lock_fd = fd;
  write_holder(fd);
  if (tarn_fault_point("lock.taken", error)) return TRUE;
  tarn_lakehouse_unlock(lakehouse);
  return FALSE;
}

void tarn_lakehouse_unlock(TarnLakehouse *lakehouse) {
  if (lakehouse->lock_fd < 0) return;
  if (ftruncate(lakehouse->lock_fd, 0) == 0) flock(lakehouse->lock_fd, LOCK_UN);
  close(lakehouse->lock_fd);
  lakehouse->lock_fd = -1;
}
