/* What the files of a rebuild share with each other and with the run that it is. A rebuild is a run on an empty work file that first gets back to
 * a recorded generation and then goes on from there. */
#pragma once
#include "pipeline/archive_manifest.h"
#include "pipeline/rebuild.h"
#include "pipeline/run_private.h"

typedef struct TarnRebuild {
  TarnRunOptions run; /* a copy, so that a phase may set what it needs */
  const TarnRebuildOptions *options;
  TarnRebuildReport *report;
  TarnArchiveFolder archive;
  TarnArchiveManifest *published;    /* of the published file where it can be read; its one file holds its parts */
  const TarnArchiveManifest *record; /* what is compared with: of the archive or the published file; NULL: nothing */
  TarnPlan *since;                   /* what the project changed since the record */
  GPtrArray *ends;                   /* TarnPosition: the source is read to these only; NULL: to its end */
  GPtrArray *now;                    /* TarnPosition: what the same parts are called today */
  gboolean damaged;                  /* losses of the archive itself were accepted */
} TarnRebuild;

/* Called by the run. Under the lock: what there is, and whether this rebuild may go on. */
gboolean tarn_rebuild_prepare(TarnRun *run, GError **error);
/* Takes a stream of the source; gives what may be read of it. */
TarnStream *tarn_rebuild_limit(TarnRun *run, TarnStream *stream);
/* The work file is open and empty: gets it to the recorded generation and compares; the run goes on from there. */
gboolean tarn_rebuild_restore(TarnRun *run, GError **error);
/* All records are in: is something of the published file missing? */
gboolean tarn_rebuild_account(TarnRun *run, GError **error);

/* rebuild_load.c. Everything that the archive's manifest names into the empty tables. */
gboolean tarn_rebuild_load(TarnRun *run, GError **error);
/* Writes rows that a manifest keeps as a document to a table of the tarn schema, in place of those that are there. */
gboolean tarn_rebuild_set_rows(TarnRun *run, const char *table, const char *document, GError **error);

/* rebuild_compare.c. Adds what is missing of the manifest's parts to the report's losses. why: of each. */
gboolean tarn_rebuild_find_losses(TarnRun *run, const TarnArchiveManifest *expected, const char *why, GError **error);
/* TARN_ERROR_SOURCE where there are losses that were not accepted. */
gboolean tarn_rebuild_check_losses(TarnRun *run, GError **error);
/* The ledger keeps what was accepted, from loss number first on: in the run's report and in tarn.gaps. */
gboolean tarn_rebuild_record_losses(TarnRun *run, guint first, GError **error);
/* Compares every table with the record and keeps their states as those of the recorded generation. */
gboolean tarn_rebuild_compare(TarnRun *run, GError **error);

void tarn_rebuild_note(TarnRebuild *rebuild, const char *format, ...) G_GNUC_PRINTF(2, 3);
void tarn_rebuild_add_loss(TarnRebuild *rebuild, const TarnLoss *loss); /* copied */
