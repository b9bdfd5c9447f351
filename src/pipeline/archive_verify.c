#include "base/error.h"
#include "pipeline/archive_file.h"
#include "pipeline/archive_private.h"

void tarn_archive_fault_free(TarnArchiveFault *fault) {
  if (!fault) return;
  g_free(fault->path);
  g_free(fault->what);
  g_free(fault);
}

static void add_fault(GPtrArray *faults, const char *path, char *what) {
  TarnArchiveFault *fault = g_new0(TarnArchiveFault, 1);
  fault->path = g_strdup(path);
  fault->what = what;
  g_ptr_array_add(faults, fault);
}

char *tarn_archive_file_fault(const char *folder, const TarnArchiveFile *file) {
  g_autofree char *path = g_build_filename(folder, file->path, NULL);
  g_autofree char *found = NULL;
  g_autoptr(GError) fault = NULL;
  gint64 bytes;
  if (!g_file_test(path, G_FILE_TEST_EXISTS)) return g_strdup("is missing");
  if (!tarn_archive_file_digest(path, &found, &bytes, &fault)) return g_strdup(fault->message);
  if (bytes != file->bytes)
    return g_strdup_printf("has %" G_GINT64_FORMAT " bytes, not %" G_GINT64_FORMAT, bytes, file->bytes);
  return g_str_equal(found, file->sha256) ? NULL : g_strdup("is damaged: its SHA-256 is another one");
}

gboolean tarn_archive_verify(const char *folder, GPtrArray *faults, TarnArchiveReport *report, GError **error) {
  g_auto(TarnArchiveFolder) archive = {0};
  if (!tarn_archive_folder_read(folder, &archive, error)) return FALSE;
  if (!archive.newest) {
    tarn_error_set(error, TARN_ERROR_ENVIRONMENT, "`tarn archive` writes one; check the folder's name",
                   "there is no archive in %s", folder);
    return FALSE;
  }
  for (guint i = 0; i < archive.damaged->len; i++)
    add_fault(faults, archive.damaged->pdata[i], g_strdup("is damaged; the manifest before it counts"));
  const TarnArchiveManifest *manifest = archive.newest;
  for (guint i = 0; i < manifest->files->len; i++) {
    const TarnArchiveFile *file = manifest->files->pdata[i];
    char *what = tarn_archive_file_fault(folder, file);
    if (what) add_fault(faults, file->path, what);
  }
  tarn_archive_report_fill(manifest, report);
  if (faults->len == 0) return TRUE;
  tarn_error_set(error, TARN_ERROR_ENVIRONMENT,
                 "copy it from another copy of the archive; or remove it, and `tarn archive` writes it again as long "
                 "as the lakehouse is there",
                 "%u of the archive's %u files in %s %s not whole, the first is %s", faults->len,
                 manifest->files->len + 1, folder, faults->len == 1 ? "is" : "are",
                 ((TarnArchiveFault *)faults->pdata[0])->path);
  return FALSE;
}
