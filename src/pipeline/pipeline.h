/* One run: records -> bronze -> silver -> gold -> checks -> published generation, and what else walks the same path (verify, replay).
 * In: a loaded project, where its file is, what to read. Out: a published generation or nothing, and a report either way.
 * Runs in the calling thread (the engine uses its own); one run per process at a time. Failure leaves the published file as it was. */
#pragma once
#include <gio/gio.h>

#include "base/budget.h"
#include "lakehouse/ledger.h"
#include "project/project.h"

typedef struct {
  const TarnProject *project;
  const char *database_path;
  const char *const *from; /* NDJSON files, globs or "-" instead of the project's source; NULL: the project's */
  gboolean full_refresh;   /* recompute scores, silver and gold from bronze */
  gboolean final;          /* take unterminated last lines */
  gboolean resume;         /* go on after a rollback's hold */
  gboolean replay;         /* offer the records in bronze quarantine again */
  gint64 max_records;      /* Kafka: read at most so many; 0: to the end of the run's beginning */
  gint64 max_us;           /* Kafka: read at most so long; 0: however long it takes */
  GPtrArray *problems;     /* gets the TarnProblems of a project that does not bind; NULL: they are not wanted */
  TarnBudget budget;
  GCancellable *cancellable; /* cancelled from any thread: the run stops soon and publishes nothing; may be NULL */
  TarnRunListener listener;  /* may be NULL */
  gpointer listener_data;
  gboolean accept_gaps;        /* Kafka: as on_gap: continue says, whatever the project says */
  struct TarnRebuild *rebuild; /* private to tarn_rebuild (pipeline/rebuild.h); NULL */
} TarnRunOptions;

/* TRUE: published, or nothing to do (report->status tells). FALSE: *error; report->status is TARN_RUN_FAILED and the failure is recorded
 * beside the database. report: from tarn_run_report_new, filled as far as the run came. */
gboolean tarn_run(const TarnRunOptions *options, TarnRunReport *report, GError **error);

/* What a run would do and why, without doing it: report->changes and pending input; status TARN_RUN_PLANNED or TARN_RUN_UNCHANGED. */
gboolean tarn_run_plan(const TarnRunOptions *options, TarnRunReport *report, GError **error);

/* Recomputes scores, silver and gold of the published file from its bronze in a scratch file and compares row by row; checks the
 * conservation law and the recorded table states. report->checks holds one result per comparison. FALSE with TARN_ERROR_AUDIT where something differs. */
gboolean tarn_verify(const TarnRunOptions *options, TarnRunReport *report, GError **error);
