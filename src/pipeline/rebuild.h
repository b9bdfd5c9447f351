/* Makes a lakehouse again from nothing: from its archive, from its source, or from the archive and then the source behind it. What is made is compared with
 * what was recorded (rows and content hash of every table at the recorded positions), audited and published as any run's work is. In: options, a folder.
 * Out: a published generation, or nothing, and two reports. The published file, if there is one, is replaced only when all of this went well. One thread. */
#pragma once
#include <glib.h>

#include "pipeline/pipeline.h"

typedef enum { TARN_REBUILD_ARCHIVE, TARN_REBUILD_SOURCE, TARN_REBUILD_BOTH } TarnRebuildFrom;

typedef struct {
  TarnRebuildFrom from;
  const char *archive;  /* its folder; SOURCE: may be NULL, and is only compared with */
  gboolean replace;     /* a published file may be replaced; else it is an error that there is one */
  gboolean accept_loss; /* publish although records are gone for good; the ledger says so */
} TarnRebuildOptions;

typedef enum {
  TARN_COMPARED_EQUAL,
  TARN_COMPARED_DUPLICATES, /* differs, and duplicates across partitions explain it */
  TARN_COMPARED_DIFFERENT,
  TARN_COMPARED_NOT, /* why tells the reason */
} TarnComparedAs;

/* One table at the recorded positions. */
typedef struct {
  char *table;
  gint64 recorded, rebuilt; /* rows */
  TarnComparedAs result;
  char *why; /* may be NULL */
} TarnComparison;

/* Records that were there and cannot be had any more. */
typedef struct {
  char *source_name;
  gint64 partition, first_offset, last_offset; /* inclusive */
  gint64 records;                              /* of these that are gone; -1: nobody knows how many there were */
  char *why;
} TarnLoss;

typedef struct {
  gint64 archive_number;     /* of the manifest that rows were taken from; 0: none */
  gint64 restored[2];        /* rows out of the archive: bronze, quarantine */
  gint64 read;               /* records out of the source */
  const char *compared_with; /* "archive", "published file"; NULL: there was nothing to compare with */
  gint64 recorded_generation;
  GPtrArray *comparisons; /* TarnComparison */
  GPtrArray *losses;      /* TarnLoss */
  GPtrArray *notes;       /* char * */
} TarnRebuildReport;

TarnRebuildReport *tarn_rebuild_report_new(void);
void tarn_rebuild_report_free(TarnRebuildReport *report); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnRebuildReport, tarn_rebuild_report_free)

/* As tarn_run; from, full_refresh, replay and resume of the run's options are ignored. Errors besides its own: TARN_ERROR_USAGE: something is published and replace is
 * not set; the archive is of another project. TARN_ERROR_SOURCE: records are gone for good, and that is not accepted. TARN_ERROR_AUDIT: the content is not what was recorded. */
gboolean tarn_rebuild(const TarnRunOptions *run, const TarnRebuildOptions *options, TarnRunReport *report,
                      TarnRebuildReport *rebuild, GError **error);
