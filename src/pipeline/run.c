#include "base/error.h"
#include "base/fault.h"
#include "lakehouse/system.h"
#include "pipeline/positions.h"
#include "pipeline/precompute.h"
#include "pipeline/rebuild_private.h"
#include "pipeline/run_private.h"
#include "pipeline/source.h"

#define SOURCE_ATTEMPTS 3

void tarn_run_close(TarnRun *run) {
  if (run->cancel_handler) g_cancellable_disconnect(run->options->cancellable, run->cancel_handler);
  run->cancel_handler = 0;
  g_clear_pointer(&run->conn, tarn_conn_close);
  g_clear_pointer(&run->db, tarn_db_close);
}

static void run_clear(TarnRun *run) {
  tarn_run_close(run);
  tarn_stream_free(run->stream);
  tarn_plan_free(run->plan);
  g_clear_pointer(&run->positions, g_ptr_array_unref);
  g_free(run->hold);
  tarn_lakehouse_free(run->lakehouse);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TarnRun, run_clear)

static void tell(const TarnRun *run, TarnRunEventKind kind, const TarnStep *step) {
  const TarnRunEvent event = {.kind = kind, .step = step};
  if (run->options->listener) run->options->listener(&event, run->options->listener_data);
}

/* May the same stage work when it is tried again? Only a source that was unreachable: its error carries the system's words. A stream that records were
 * taken from is tried again only where it can be opened anew: what it delivered was rolled back. */
static gboolean may_pass(const TarnRun *run, const GError *error) {
  return g_error_matches(error, TARN_ERROR, TARN_ERROR_SOURCE) && tarn_error_detail(error) != NULL &&
         (!run->stream_is_used || tarn_source_is_repeatable(run->options));
}

static gboolean is_cancelled(const TarnRun *run, GError **error) {
  if (!g_cancellable_is_cancelled(run->options->cancellable)) return FALSE;
  tarn_error_set(error, TARN_ERROR_BUSY, "run again: the next run starts from the published generation",
                 "the run was interrupted; nothing was published");
  return TRUE;
}

/* What a stage says when its statement was interrupted is not the story. */
static gboolean fault_is_cancel(const TarnRun *run, GError **fault) {
  if (!g_cancellable_is_cancelled(run->options->cancellable)) return FALSE;
  g_clear_error(fault);
  return is_cancelled(run, fault);
}

/* Tries a stage until it works, is cancelled or fails for good. */
static gboolean attempt(TarnRun *run, TarnRunStage stage, gpointer argument, GError **error) {
  TarnStep *step = run->step;
  for (step->attempts = 1;; step->attempts++) {
    g_autoptr(GError) fault = NULL;
    step->rows = -1;
    if (!is_cancelled(run, &fault) && stage(run, argument, &step->rows, &fault)) return TRUE;
    gboolean again = !fault_is_cancel(run, &fault) && step->attempts < SOURCE_ATTEMPTS && may_pass(run, fault);
    if (!again) {
      g_propagate_error(error, g_steal_pointer(&fault));
      return FALSE;
    }
    g_usleep(G_USEC_PER_SEC / 5 << step->attempts);
  }
}

gboolean tarn_run_step(TarnRun *run, const char *name, TarnRunStage stage, gpointer argument, GError **error) {
  TarnStep *step = g_new0(TarnStep, 1);
  g_ptr_array_add(run->report->steps, step);
  step->name = g_strdup(name);
  step->started_us = g_get_real_time();
  gint64 start = g_get_monotonic_time();
  run->step = step;
  tell(run, TARN_EVENT_STEP_STARTED, step);
  gboolean ok = attempt(run, stage, argument, error);
  step->milliseconds = (g_get_monotonic_time() - start) / 1000;
  tell(run, TARN_EVENT_STEP_FINISHED, step);
  return ok;
}

/* What the published file says of itself, without holding it open. */
static gboolean peek(TarnRun *run, GHashTable **stored, GError **error) {
  run->positions = g_ptr_array_new();
  run->first_seq = run->next_quarantine_id = 1;
  *stored = NULL;
  if (!tarn_lakehouse_exists(run->lakehouse)) return TRUE;
  const TarnDbOptions options = {.read_only = TRUE, .threads = 1, .memory_bytes = run->options->budget.engine_bytes};
  g_autoptr(TarnDb) db = tarn_db_open(tarn_lakehouse_path(run->lakehouse), &options, error);
  g_autoptr(TarnConn) conn = db ? tarn_db_connect(db, error) : NULL;
  g_autofree char *seq = NULL, *quarantine_id = NULL;
  if (!conn || !tarn_system_check(conn, error) || !tarn_system_generation(conn, &run->generation, error) ||
      !tarn_system_get(conn, "hold", &run->hold, error) || !tarn_system_get(conn, "next_seq", &seq, error) ||
      !tarn_system_get(conn, "next_quarantine_id", &quarantine_id, error) ||
      !tarn_ledger_last_counts(conn, &run->report->counts, error))
    return FALSE;
  g_ptr_array_unref(run->positions);
  if (!(run->positions = tarn_positions_load(conn, error))) return FALSE;
  run->first_seq = seq ? g_ascii_strtoll(seq, NULL, 10) : 1;
  run->next_quarantine_id = quarantine_id ? g_ascii_strtoll(quarantine_id, NULL, 10) : 1;
  run->report->generation = run->generation;
  *stored = tarn_system_objects(conn, error);
  return *stored != NULL;
}

static gboolean check_hold(const TarnRun *run, GError **error) {
  if (!run->hold || run->options->resume) return TRUE;
  tarn_error_set(error, TARN_ERROR_BUSY, "`tarn run --resume` goes on from the restored positions", "runs are held: %s",
                 run->hold);
  return FALSE;
}

gboolean tarn_run_open_stream(TarnRun *run, GError **error) {
  g_clear_pointer(&run->stream, tarn_stream_free);
  run->stream = tarn_source_open(run->options, run->positions, error);
  if (run->stream && run->options->rebuild) run->stream = tarn_rebuild_limit(run, run->stream);
  return run->stream && tarn_stream_has_new(run->stream, &run->has_input, error);
}

static gboolean open_stream(TarnRun *run, gpointer argument, gint64 *rows, GError **error) {
  (void)argument, (void)rows;
  return tarn_run_open_stream(run, error);
}

gboolean tarn_run_ask_source(TarnRun *run, GError **error) {
  return tarn_run_step(run, "source", open_stream, NULL, error);
}

gboolean tarn_run_validate(const TarnRun *run, GError **error) {
  if (!run->plan->fresh && !tarn_plan_has_work(run->plan)) return TRUE;
  g_autoptr(GPtrArray) own = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_problem_free);
  return tarn_project_validate(run->options->project, run->options->problems ? run->options->problems : own, error);
}

/* Lock, peek, plan, ask the source: all that can be known before anything is copied. */
static gboolean prepare(TarnRun *run, gboolean lock, GError **error) {
  g_autoptr(GHashTable) stored = NULL;
  if (lock && !(run->locked = tarn_lakehouse_lock(run->lakehouse, error))) return FALSE;
  if (!tarn_fault_point("lock.taken", error)) return FALSE;
  if (run->options->rebuild) return tarn_rebuild_prepare(run, error);
  if (!peek(run, &stored, error) || (lock && !check_hold(run, error))) return FALSE;
  run->plan = tarn_plan_new(run->options->project, stored, run->options->full_refresh, run->report, error);
  if (!run->plan || !tarn_run_validate(run, error)) return FALSE;
  if (run->hold && lock) {
    run->plan->audit = TRUE;
    tarn_run_report_add_change(run->report, "hold", "runs go on", "resumed after: %s", run->hold);
  }
  return run->options->replay || tarn_run_ask_source(run, error);
}

/* New rows for bronze: from the source, or from quarantine. */
static gboolean take_in(TarnRun *run, GError **error) {
  if (run->options->replay) return tarn_run_step(run, "replay", tarn_stage_replay, NULL, error);
  return !run->has_input || tarn_run_step(run, "bronze", tarn_stage_bronze, NULL, error);
}

/* May the run end here: were there only blank lines, or only records that were refused again? */
static gboolean came_to_nothing(const TarnRun *run) {
  const TarnCounts *counts = &run->report->run_counts;
  if (run->options->rebuild) return FALSE;
  gint64 taken = run->options->replay ? counts->bronze : counts->received;
  return taken == 0 && !run->has_gaps && !tarn_plan_has_work(run->plan) && run->generation > 0;
}

gboolean tarn_run_models(TarnRun *run, GError **error) {
  const GPtrArray *models = run->options->project->models;
  for (guint i = 0; i < models->len; i++) {
    const TarnModel *model = models->pdata[i];
    g_autofree char *name = g_strdup_printf("%s %s", model->kind == TARN_MODEL_SILVER ? "silver" : "gold", model->name);
    if (!tarn_run_step(run, name, tarn_stage_model, (gpointer)model, error)) return FALSE;
  }
  return TRUE;
}

static gboolean build(TarnRun *run, GError **error) {
  if (!tarn_run_step(run, "open", tarn_stage_open, NULL, error)) return FALSE;
  if (run->options->rebuild && !tarn_rebuild_restore(run, error)) return FALSE;
  if (run->plan->rescore && !tarn_run_step(run, "rescore", tarn_stage_rescore, NULL, error)) return FALSE;
  if (!take_in(run, error)) return FALSE;
  if (came_to_nothing(run)) return TRUE;
  return tarn_run_models(run, error) && (!run->options->rebuild || tarn_rebuild_account(run, error)) &&
         tarn_run_step(run, "audit", tarn_stage_audit, NULL, error) &&
         (!tarn_project_precomputes(run->options->project) ||
          tarn_run_step(run, "precompute", tarn_stage_precompute, NULL, error)) &&
         tarn_run_step(run, "publish", tarn_stage_publish, NULL, error);
}

static gboolean run_through(TarnRun *run, GError **error) {
  if (!prepare(run, TRUE, error)) return FALSE;
  gboolean idle = !run->has_input && !run->options->replay && !run->options->rebuild &&
                  !tarn_plan_has_work(run->plan) && run->generation > 0;
  gboolean ok = idle || build(run, error);
  if (run->stream) {
    TarnStreamProgress progress;
    tarn_stream_progress(run->stream, &progress);
    run->report->pending_bytes = progress.pending_bytes;
  }
  return ok;
}

/* Tells the source what is safe now; nothing depends on it. */
static void tell_source(TarnRun *run) {
  g_autoptr(GError) fault = NULL;
  if (run->report->status != TARN_RUN_PUBLISHED || !run->stream || tarn_stream_published(run->stream, &fault)) return;
  const TarnRunEvent event = {.kind = TARN_EVENT_WARNING, .message = fault->message};
  if (run->options->listener) run->options->listener(&event, run->options->listener_data);
}

/* Closes what may be open and drops the work file; where the run failed, its report goes beside the database. */
static void end_run(TarnRun *run, const GError *fault) {
  TarnRunReport *report = run->report;
  tarn_run_close(run);
  report->finished_us = g_get_real_time();
  if (!fault) return;
  report->status = TARN_RUN_FAILED;
  report->error = g_strdup(fault->message);
  report->hint = g_strdup(tarn_error_hint(fault));
  if (!run->locked) return; /* the lock is another's: so are the files */
  g_autofree char *text = tarn_run_report_to_json(report);
  tarn_lakehouse_record_failure(run->lakehouse, report->run_id, text);
}

gboolean tarn_run(const TarnRunOptions *options, TarnRunReport *report, GError **error) {
  g_auto(TarnRun) run = {.options = options, .report = report, .lakehouse = tarn_lakehouse_new(options->database_path)};
  g_autoptr(GError) fault = NULL;
  report->database = g_strdup(options->database_path);
  report->status = TARN_RUN_UNCHANGED;
  gboolean ok = run_through(&run, &fault);
  if (ok) tell_source(&run);
  end_run(&run, fault);
  if (report->status != TARN_RUN_PUBLISHED && run.locked) tarn_lakehouse_abandon(run.lakehouse);
  if (!ok) g_propagate_error(error, g_steal_pointer(&fault));
  return ok;
}

gboolean tarn_run_plan(const TarnRunOptions *options, TarnRunReport *report, GError **error) {
  g_auto(TarnRun) run = {.options = options, .report = report, .lakehouse = tarn_lakehouse_new(options->database_path)};
  report->database = g_strdup(options->database_path);
  if (!prepare(&run, FALSE, error)) return FALSE;
  TarnStreamProgress progress;
  tarn_stream_progress(run.stream, &progress);
  if (run.has_input && progress.bytes_total >= 0)
    tarn_run_report_add_change(report, "source", "read into bronze and on", "%" G_GINT64_FORMAT " new bytes",
                               progress.bytes_total);
  else if (run.has_input && progress.records_total > 0)
    tarn_run_report_add_change(report, "source", "read into bronze and on", "up to %" G_GINT64_FORMAT " new records",
                               progress.records_total);
  else if (run.has_input)
    tarn_run_report_add_change(report, "source", "read into bronze and on", "input of unknown size");
  report->pending_bytes = progress.pending_bytes;
  report->status =
      run.has_input || tarn_plan_has_work(run.plan) || run.generation == 0 ? TARN_RUN_PLANNED : TARN_RUN_UNCHANGED;
  report->finished_us = g_get_real_time();
  return TRUE;
}
