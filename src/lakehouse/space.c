/* How much room a lakehouse takes and how much a run needs. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/budget.h"
#include "base/error.h"
#include "lakehouse/generation_private.h"

#define NEEDED_FACTOR 1.3 /* the clone and what a run adds to it */

static guint64 needed_for(guint64 size) { return (guint64)((double)size * NEEDED_FACTOR); }

static gboolean ask_volume(const char *path, guint64 *available) {
  g_autofree char *folder = g_path_get_dirname(path);
  struct statvfs volume;
  if (statvfs(folder, &volume) != 0) return FALSE;
  *available = (guint64)volume.f_bavail * volume.f_frsize;
  return TRUE;
}

gboolean tarn_space_check(const char *path, guint64 size, GError **error) {
  guint64 available, needed = needed_for(size);
  if (!ask_volume(path, &available)) {
    tarn_error_set_errno(error, errno, "cannot ask for the free space of the volume of %s", path);
    return FALSE;
  }
  if (available >= needed) return TRUE;
  g_autofree char *have = tarn_format_size(available), *want = tarn_format_size(needed);
  tarn_error_set(error, TARN_ERROR_ENVIRONMENT,
                 "free space there, keep fewer generations (publish.keep), or point DB_PATH at a larger volume",
                 "the volume of %s has %s free, a new generation needs %s", path, have, want);
  return FALSE;
}

static guint64 file_size(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 ? (guint64)info.st_size : 0;
}

void tarn_lakehouse_space(const TarnLakehouse *lakehouse, TarnLakehouseSpace *space) {
  *space = (TarnLakehouseSpace){.published = file_size(lakehouse->path),
                                .leftovers = file_size(lakehouse->work) + file_size(lakehouse->work_wal)};
  g_autoptr(GArray) kept = tarn_lakehouse_kept(lakehouse);
  for (guint i = 0; i < kept->len; i++) {
    g_autofree char *path = tarn_lakehouse_kept_path(lakehouse, g_array_index(kept, gint64, i));
    space->kept += file_size(path);
  }
  space->needed = needed_for(space->published);
  ask_volume(lakehouse->path, &space->available);
}
