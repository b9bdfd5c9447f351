/* Parquet files on their way to clients. DuckDB writes whole files, so each is written to a private folder below TMPDIR,
 * mapped into memory and unlinked at once: the system frees it when it is sent. Thread-safe. */
#pragma once
#include <glib.h>

typedef struct TarnDownloads TarnDownloads;

/* max_bytes: of one file. Never fails: where no folder can be made there are no downloads. */
TarnDownloads *tarn_downloads_new(guint64 max_bytes);
/* Removes the folder. Accepts NULL. */
void tarn_downloads_free(TarnDownloads *downloads);

/* The one folder that the engine may write to; NULL: there is none. */
const char *tarn_downloads_folder(const TarnDownloads *downloads);
guint64 tarn_downloads_max_bytes(const TarnDownloads *downloads);

/* A path of its own for a new file. Caller frees. */
char *tarn_downloads_path(TarnDownloads *downloads);
/* The file's bytes, backed by the file, which has no name any more then. Errors: TARN_ERROR_ENVIRONMENT. */
GBytes *tarn_downloads_take(const char *path, GError **error);
