/* One run in progress: what its stages share. Private to run.c, run_stages.c and run_seal.c. */
#pragma once
#include "lakehouse/generation.h"
#include "pipeline/pipeline.h"
#include "pipeline/plan.h"
#include "stream/stream.h"

typedef struct {
  const TarnRunOptions *options;
  TarnRunReport *report;
  TarnLakehouse *lakehouse;
  TarnPlan *plan;
  TarnStream *stream;
  gboolean locked; /* this run holds the writer lock */
  TarnDb *db;      /* the work file while it is open */
  TarnConn *conn;
  gulong cancel_handler; /* interrupts conn when the run is cancelled */
  TarnStep *step;        /* the one in progress */
  /* as the published file says */
  gint64 generation;    /* 0: none yet */
  GPtrArray *positions; /* TarnPosition */
  char *hold;           /* why runs are held, NULL: they are not */
  /* of this run */
  gint64 first_seq; /* bronze rows from here on are new */
  gint64 next_quarantine_id;
  gboolean has_input;
  gboolean upgraded;         /* the file was of an older format: recorded states are not those of its columns */
  gboolean has_gaps;         /* the source lost records, which is to be recorded */
  gboolean stream_is_used;   /* records were taken from it */
  gint64 highest_generation; /* no number up to here is given again; 0: generation says it all */
} TarnRun;

/* One stage; *rows (preset to -1) is what the step reports. */
typedef gboolean (*TarnRunStage)(TarnRun *run, gpointer argument, gint64 *rows, GError **error);

/* Opens the source at the published positions, once more where it is open already. */
gboolean tarn_run_open_stream(TarnRun *run, GError **error);

/* Runs a stage as a named step: events, timing, and retries where the error is one that may pass (an unreachable source). */
gboolean tarn_run_step(TarnRun *run, const char *name, TarnRunStage stage, gpointer argument, GError **error);

/* A project that changed is bound against empty tables before a byte is copied or read. */
gboolean tarn_run_validate(const TarnRun *run, GError **error);
/* Every model, in the project's order. */
gboolean tarn_run_models(TarnRun *run, GError **error);
/* Opens the source behind run->positions and asks it for input: the step "source". */
gboolean tarn_run_ask_source(TarnRun *run, GError **error);

/* Closes the work file; safe when it is closed. */
void tarn_run_close(TarnRun *run);

gboolean tarn_stage_open(TarnRun *run, gpointer argument, gint64 *rows,
                         GError **error); /* clone, open, install, drop what goes */
gboolean tarn_stage_bronze(TarnRun *run, gpointer argument, gint64 *rows, GError **error); /* new records */
gboolean tarn_stage_replay(TarnRun *run, gpointer argument, gint64 *rows,
                           GError **error); /* records in bronze quarantine, again */
gboolean tarn_stage_rescore(TarnRun *run, gpointer argument, gint64 *rows,
                            GError **error); /* all of bronze by changed rules */
gboolean tarn_stage_model(TarnRun *run, gpointer argument, gint64 *rows, GError **error); /* argument: TarnModel */
gboolean tarn_stage_audit(TarnRun *run, gpointer argument, gint64 *rows, GError **error);
gboolean tarn_stage_precompute(TarnRun *run, gpointer argument, gint64 *rows, GError **error); /* endpoints' answers */
gboolean tarn_stage_publish(TarnRun *run, gpointer argument, gint64 *rows, GError **error);

/* The last rows that a generation gets, in the caller's transaction: what it is, what it was built from, how the run went. */
gboolean tarn_run_seal(TarnRun *run, GError **error);
