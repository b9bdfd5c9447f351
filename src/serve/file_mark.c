#include "serve/file_mark.h"

#include <sys/stat.h>

const TarnFileMark tarn_file_mark_none = {.size = -1};

void tarn_file_mark_read(const char *path, TarnFileMark *mark) {
  struct stat info;
  *mark = (TarnFileMark){0};
  if (stat(path, &info) != 0) return;
  g_autofree char *wal = g_strconcat(path, ".wal", NULL);
  *mark = (TarnFileMark){.exists = TRUE,
                         .has_wal = g_file_test(wal, G_FILE_TEST_EXISTS),
                         .device = info.st_dev,
                         .inode = info.st_ino,
                         .size = info.st_size,
                         .modified_ns = (gint64)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec};
}

gboolean tarn_file_mark_equal(const TarnFileMark *a, const TarnFileMark *b) {
  return a->exists == b->exists && a->has_wal == b->has_wal && a->device == b->device && a->inode == b->inode &&
         a->size == b->size && a->modified_ns == b->modified_ns;
}
