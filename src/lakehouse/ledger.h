/* What a run tells: events while it goes on, one report at its end, and their places in the file (tarn.runs, tarn.run_steps).
 * In: filled by the pipeline. Out: to listeners (progress, logs, orchestrators), to standard output as JSON, to the ledger.
 * A report belongs to the run that makes it; strings are owned by the report. */
#pragma once
#include <glib.h>

#include "base/json_writer.h"
#include "lakehouse/db.h"

/* The conservation law: received = bronze + bronze_quarantined, and for every silver model bronze = silver + silver_quarantined + duplicates.
 * With several silver models the silver figures are sums over them. */
typedef struct {
  gint64 received, bronze, bronze_quarantined, silver, silver_quarantined, duplicates, gold;
} TarnCounts;

void tarn_counts_add(TarnCounts *total, const TarnCounts *more);

typedef struct {
  char *name;        /* "bronze", "silver silver_clean_events", "publish" */
  gint64 started_us; /* since 1970, UTC */
  gint64 milliseconds;
  gint64 rows; /* rows written or looked at; -1: does not apply */
  guint attempts;
} TarnStep;

/* What is different from the last generation, and what follows from it. */
typedef struct {
  char *object; /* "silver_clean_events", "quality rules" */
  char *what;   /* "SQL changed", "column x removed", "type of y changed from INTEGER to DOUBLE" */
  char *action; /* "rebuilt from bronze", NULL where none follows */
} TarnChange;

typedef struct {
  char *name;
  gboolean warn;   /* severity warn: does not stop the run */
  gint64 failures; /* rows that break the rule */
  char *sample;    /* JSON array of the first of them, NULL where there are none */
} TarnCheckResult;

typedef struct {
  char *name;
  gint64 count;
} TarnReasonCount;

typedef enum { TARN_RUN_UNCHANGED, TARN_RUN_PUBLISHED, TARN_RUN_FAILED, TARN_RUN_PLANNED } TarnRunStatus;

typedef struct {
  char *run_id;
  TarnRunStatus status;
  gint64 started_us, finished_us;
  gint64 generation;          /* the published one after the run */
  TarnCounts counts;          /* totals of the published file */
  TarnCounts run_counts;      /* of this run */
  gint64 pending_bytes;       /* unterminated last lines that wait for the next run */
  GPtrArray *steps;           /* TarnStep */
  GPtrArray *changes;         /* TarnChange */
  GPtrArray *checks;          /* TarnCheckResult */
  GPtrArray *quality_reasons; /* TarnReasonCount: totals over bronze, in the order of the rules */
  char *database;             /* path of the published file */
  char *error, *hint;         /* FAILED */
} TarnRunReport;

TarnRunReport *tarn_run_report_new(void);
void tarn_run_report_free(TarnRunReport *report); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnRunReport, tarn_run_report_free)
const char *tarn_run_status_name(TarnRunStatus status);

void tarn_run_report_add_change(TarnRunReport *report, const char *object, const char *action, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* The report as one JSON object: what `tarn run --json` prints and tarn.runs keeps. */
void tarn_run_report_write(const TarnRunReport *report, TarnJsonWriter *json);
char *tarn_run_report_to_json(const TarnRunReport *report); /* the same as text; caller frees */

/* Writes report into tarn.runs and tarn.run_steps, in the caller's transaction. */
gboolean tarn_ledger_add_run(TarnConn *conn, const TarnRunReport *report, GError **error);
/* The totals of the newest run in the file; zeros in a new one. */
gboolean tarn_ledger_last_counts(TarnConn *conn, TarnCounts *counts, GError **error);

typedef enum {
  TARN_EVENT_STEP_STARTED,
  TARN_EVENT_PROGRESS,
  TARN_EVENT_STEP_FINISHED,
  TARN_EVENT_WARNING
} TarnRunEventKind;

typedef struct {
  TarnRunEventKind kind;
  const TarnStep *step; /* STARTED, PROGRESS, FINISHED; borrowed for the call */
  gint64 done, total;   /* PROGRESS: bytes; total -1: unknown */
  gint64 records;       /* PROGRESS */
  const char *message;  /* WARNING */
} TarnRunEvent;

/* Called from any thread of the run, one at a time. */
typedef void (*TarnRunListener)(const TarnRunEvent *event, gpointer user);
