#include "stream/file_list.h"

#include <errno.h>
#include <glob.h>
#include <string.h>

#include "base/error.h"

void tarn_source_file_free(TarnSourceFile *file) {
  g_free(file->path);
  tarn_position_free(file->position);
  g_free(file);
}

static gboolean is_listed(const GPtrArray *files, const struct stat *info) {
  for (guint i = 0; i < files->len; i++) {
    const TarnSourceFile *file = files->pdata[i];
    if (file->device == info->st_dev && file->inode == info->st_ino) return TRUE;
  }
  return FALSE;
}

static void add_file(GPtrArray *files, const char *path, const struct stat *info) {
  if (is_listed(files, info) || (S_ISREG(info->st_mode) && info->st_size == 0)) return;
  TarnSourceFile *file = g_new0(TarnSourceFile, 1);
  file->path = g_strdup(path);
  file->kind = tarn_file_kind(path);
  file->piped = !S_ISREG(info->st_mode);
  file->device = info->st_dev;
  file->inode = info->st_ino;
  file->size = info->st_size;
  g_ptr_array_add(files, file);
}

static gboolean add_path(GPtrArray *files, const char *path, GError **error) {
  struct stat info;
  if (stat(path, &info) != 0) {
    tarn_error_set_detail(error, TARN_ERROR_SOURCE, g_strerror(errno), "check the path for a typing mistake",
                          "cannot read %s", path);
    return FALSE;
  }
  if (S_ISDIR(info.st_mode)) {
    tarn_error_set(error, TARN_ERROR_SOURCE, "name its files, for instance with a glob: FOLDER/*.ndjson",
                   "%s is a folder", path);
    return FALSE;
  }
  add_file(files, path, &info);
  return TRUE;
}

/* Standard input has no identity, even where a file is redirected to it. */
static void add_stdin(GPtrArray *files) {
  struct stat nothing = {.st_mode = S_IFIFO};
  add_file(files, "-", &nothing);
}

static int compare_paths(gconstpointer a, gconstpointer b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* A folder that does not exist holds no match; one that may not be read is an error. */
static int stops_glob(const char *folder, int errno_value) {
  (void)folder;
  return errno_value != ENOENT && errno_value != ENOTDIR;
}

static gboolean add_matches(GPtrArray *files, glob_t *matches) {
  qsort(matches->gl_pathv, matches->gl_pathc, sizeof *matches->gl_pathv, compare_paths);
  for (gsize i = 0; i < matches->gl_pathc; i++) {
    struct stat info;
    const char *path = matches->gl_pathv[i];
    if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode)) add_file(files, path, &info);
  }
  return TRUE;
}

static gboolean add_glob(GPtrArray *files, const char *pattern, GError **error) {
  glob_t matches = {0};
  int status = glob(pattern, GLOB_NOSORT, stops_glob, &matches);
  gboolean ok = status == 0 ? add_matches(files, &matches) : status == GLOB_NOMATCH;
  if (!ok)
    tarn_error_set_detail(error, TARN_ERROR_SOURCE, g_strerror(errno), "check that this user may list the folder",
                          "cannot list the files of %s", pattern);
  globfree(&matches);
  return ok;
}

/* A file whose name holds a wildcard character is still a file. */
static gboolean is_glob(const char *path) {
  struct stat info;
  return strpbrk(path, "*?[") && stat(path, &info) != 0;
}

GPtrArray *tarn_file_list_expand(const char *const *paths, GError **error) {
  g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_source_file_free);
  for (guint i = 0; paths[i]; i++) {
    gboolean ok = TRUE;
    if (g_str_equal(paths[i], "-"))
      add_stdin(files);
    else
      ok = is_glob(paths[i]) ? add_glob(files, paths[i], error) : add_path(files, paths[i], error);
    if (!ok) return NULL;
  }
  return g_steal_pointer(&files);
}
