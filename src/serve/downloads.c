#include "serve/downloads.h"

#include <glib/gstdio.h>

#include "base/error.h"

struct TarnDownloads {
  char *folder; /* NULL: none */
  guint64 max_bytes;
  gint next; /* atomic: number of the next file */
};

TarnDownloads *tarn_downloads_new(guint64 max_bytes) {
  TarnDownloads *downloads = g_new0(TarnDownloads, 1);
  downloads->folder = g_dir_make_tmp("tarn-XXXXXX", NULL);
  downloads->max_bytes = max_bytes;
  return downloads;
}

/* What a write that failed left behind goes with the folder. */
static void remove_folder(const char *folder) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_remove(path);
  }
  g_rmdir(folder);
}

void tarn_downloads_free(TarnDownloads *downloads) {
  if (!downloads) return;
  if (downloads->folder) remove_folder(downloads->folder);
  g_free(downloads->folder);
  g_free(downloads);
}

const char *tarn_downloads_folder(const TarnDownloads *downloads) { return downloads->folder; }
guint64 tarn_downloads_max_bytes(const TarnDownloads *downloads) { return downloads->max_bytes; }

char *tarn_downloads_path(TarnDownloads *downloads) {
  g_autofree char *name = g_strdup_printf("%d.parquet", g_atomic_int_add(&downloads->next, 1));
  return g_build_filename(downloads->folder, name, NULL);
}

GBytes *tarn_downloads_take(const char *path, GError **error) {
  g_autoptr(GError) fault = NULL;
  g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, &fault);
  g_remove(path);
  if (file) return g_mapped_file_get_bytes(file);
  tarn_error_set_detail(error, TARN_ERROR_ENVIRONMENT, fault->message, "check the folder that TMPDIR names",
                        "the file that was written cannot be read");
  return NULL;
}
