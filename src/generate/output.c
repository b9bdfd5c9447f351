#include "generate/output.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define BUFFER_SIZE (256 * 1024)

struct TarnOutput {
  int fd;
  char *path;      /* as the user wrote it, for messages */
  char *target;    /* where the file goes in the end, behind links; NULL: written directly */
  char *temporary; /* NULL once it is in its place */
  gsize used;
  char buffer[BUFFER_SIZE];
};

static gboolean open_directly(TarnOutput *output, GError **error) {
  gboolean standard = g_str_equal(output->path, "-");
  output->fd = standard ? dup(STDOUT_FILENO) : open(output->path, O_WRONLY | O_CLOEXEC);
  if (output->fd >= 0) return TRUE;
  tarn_error_set_errno(error, errno, "cannot write to %s", standard ? "the standard output" : output->path);
  return FALSE;
}

static gboolean open_temporary(TarnOutput *output, GError **error) {
  char *behind_links = realpath(output->path, NULL);
  output->target = g_strdup(behind_links ? behind_links : output->path);
  free(behind_links);
  g_autofree char *folder = g_path_get_dirname(output->target);
  if (g_mkdir_with_parents(folder, 0777) != 0) {
    tarn_error_set_errno(error, errno, "cannot create the folder %s", folder);
    return FALSE;
  }
  output->temporary = g_strconcat(output->target, ".XXXXXX", NULL);
  output->fd = g_mkstemp_full(output->temporary, O_WRONLY | O_CLOEXEC, 0666);
  if (output->fd >= 0) return TRUE;
  tarn_error_set_errno(error, errno, "cannot create a file in %s", folder);
  g_clear_pointer(&output->temporary, g_free);
  return FALSE;
}

TarnOutput *tarn_output_open(const char *path, GError **error) {
  g_autoptr(TarnOutput) output = g_new(TarnOutput, 1);
  *output = (TarnOutput){.fd = -1, .path = g_strdup(path)};
  struct stat there;
  gboolean directly = g_str_equal(path, "-") || (stat(path, &there) == 0 && !S_ISREG(there.st_mode));
  if (directly ? !open_directly(output, error) : !open_temporary(output, error)) return NULL;
  return g_steal_pointer(&output);
}

static gboolean write_all(TarnOutput *output, const char *bytes, gsize size, GError **error) {
  while (size > 0) {
    gssize n = write(output->fd, bytes, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      tarn_error_set_errno(error, errno, "cannot write to %s", output->path);
      return FALSE;
    }
    bytes += n;
    size -= (gsize)n;
  }
  return TRUE;
}

static gboolean flush(TarnOutput *output, GError **error) {
  gsize used = output->used;
  output->used = 0;
  return write_all(output, output->buffer, used, error);
}

gboolean tarn_output_write(TarnOutput *output, const char *bytes, gsize size, GError **error) {
  if (size > BUFFER_SIZE - output->used && !flush(output, error)) return FALSE;
  if (size > BUFFER_SIZE) return write_all(output, bytes, size, error);
  memcpy(output->buffer + output->used, bytes, size);
  output->used += size;
  return TRUE;
}

gboolean tarn_output_commit(TarnOutput *output, GError **error) {
  if (!flush(output, error)) return FALSE;
  int fd = output->fd;
  output->fd = -1;
  if (close(fd) != 0 || (output->target && rename(output->temporary, output->target) != 0)) {
    tarn_error_set_errno(error, errno, "cannot write %s", output->path);
    return FALSE;
  }
  g_clear_pointer(&output->temporary, g_free);
  return TRUE;
}

void tarn_output_free(TarnOutput *output) {
  if (!output) return;
  if (output->fd >= 0) close(output->fd);
  if (output->temporary) g_unlink(output->temporary);
  g_free(output->temporary);
  g_free(output->target);
  g_free(output->path);
  g_free(output);
}
