/* A copy of what cannot be computed again, bronze and bronze quarantine, as Parquet files in a folder (docs/recovery.md).
 * In: the published file, which is only read, and a folder, perhaps on another volume. Out: files by day of ingestion, and a manifest that is written last.
 * A crash, a full disk or a kill at any point leaves the archive as it was before. The archive follows the published file: rows that a rollback
 * or a replay took away leave it, too. One thread; one writer at a time (flock on the folder, where the volume has it). */
#pragma once
#include <glib.h>

#include "base/budget.h"
#include "project/project.h"

typedef struct {
  const TarnProject *project;
  const char *database_path;
  const char *folder;
  TarnBudget budget;
} TarnArchiveOptions;

typedef struct {
  gint64 number;     /* of the manifest */
  gint64 generation; /* that the archive is a copy of now */
  gboolean unchanged;
  gint64 files_written, bytes_written;
  gint64 rows_written[2]; /* bronze, quarantine */
  gint64 files_repaired;  /* files that were missing or of the wrong size, written again */
  gint64 files_retired;   /* files whose rows left the published file */
  gint64 files, bytes;    /* of the archive as a whole */
  gint64 rows[2];
  GPtrArray *warnings; /* char * */
} TarnArchiveReport;

TarnArchiveReport *tarn_archive_report_new(void);
void tarn_archive_report_free(TarnArchiveReport *report); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnArchiveReport, tarn_archive_report_free)

/* Brings the archive up to the published generation. Errors: TARN_ERROR_USAGE: the folder holds the archive of another lakehouse; TARN_ERROR_BUSY: another process
 * writes there; TARN_ERROR_ENVIRONMENT: space, permission, a damaged archive. */
gboolean tarn_archive_write(const TarnArchiveOptions *options, TarnArchiveReport *report, GError **error);

/* One thing wrong with an archive. */
typedef struct {
  char *path; /* relative to the archive */
  char *what;
} TarnArchiveFault;

/* Reads every file of the archive and compares its SHA-256 with the manifest. faults (TarnArchiveFault, owned by the list) gets what is wrong. FALSE with
 * TARN_ERROR_ENVIRONMENT where there is a fault, or no archive. report: files, bytes, rows, generation, number. */
gboolean tarn_archive_verify(const char *folder, GPtrArray *faults, TarnArchiveReport *report, GError **error);
void tarn_archive_fault_free(TarnArchiveFault *fault);
