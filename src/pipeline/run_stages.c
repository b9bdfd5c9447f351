#include "base/error.h"
#include "base/fault.h"
#include "lakehouse/bronze.h"
#include "lakehouse/compact.h"
#include "lakehouse/sql.h"
#include "lakehouse/system.h"
#include "pipeline/audit.h"
#include "pipeline/bronze_ingest.h"
#include "pipeline/gold.h"
#include "pipeline/positions.h"
#include "pipeline/precompute.h"
#include "pipeline/quality.h"
#include "pipeline/replay.h"
#include "pipeline/run_private.h"
#include "pipeline/silver.h"
#include "pipeline/source.h"

static void interrupt(GCancellable *cancellable, gpointer conn) {
  (void)cancellable;
  tarn_conn_interrupt(conn);
}

static TarnDbOptions work_options(const TarnRun *run) {
  return (TarnDbOptions){.memory_bytes = tarn_source_engine_bytes(run->options),
                         .threads = run->options->budget.threads,
                         .temp_directory = tarn_lakehouse_temp_path(run->lakehouse),
                         .external_access = run->options->rebuild != NULL}; /* until the archive is read */
}

static gboolean open_work(TarnRun *run, GError **error) {
  const TarnDbOptions options = work_options(run);
  run->db = tarn_db_open(tarn_lakehouse_work_path(run->lakehouse), &options, error);
  run->conn = run->db ? tarn_db_connect(run->db, error) : NULL;
  if (!run->conn) return FALSE;
  if (run->options->cancellable)
    run->cancel_handler = g_cancellable_connect(run->options->cancellable, G_CALLBACK(interrupt), run->conn, NULL);
  return tarn_fault_point("work.opened", error);
}

static gboolean create_bronze(TarnRun *run, GError **error) {
  const TarnConfig *config = &run->options->project->config;
  g_autofree char *sql = tarn_bronze_create_sql(config->bronze_table, (const char *const *)config->envelope);
  return tarn_conn_exec(run->conn, sql, error);
}

/* A file of an older format is written afresh: the engine cannot append to tables whose row groups are larger than those
 * it makes now. */
static gboolean upgrade(TarnRun *run, GError **error) {
  gboolean older;
  if (!tarn_system_is_older(run->conn, &older, error)) return FALSE;
  if (!older) return TRUE;
  const TarnDbOptions options = work_options(run);
  tarn_run_close(run);
  if (!tarn_compact(tarn_lakehouse_work_path(run->lakehouse), &options, error) || !open_work(run, error)) return FALSE;
  g_autofree char *table = tarn_sql_quote_identifier(run->options->project->config.bronze_table);
  g_autofree char *sql = tarn_sql_fill(tarn_sql_bronze_upgrade, "table", table, NULL);
  run->upgraded = TRUE;
  return tarn_conn_exec(run->conn, sql, error) && tarn_system_set_format(run->conn, error);
}

/* Tables that are made anew go first, and their blocks with them: the new ones then reuse the space. */
static gboolean drop_stale(TarnRun *run, GError **error) {
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init(&iter, run->plan->rebuild);
  while (g_hash_table_iter_next(&iter, &name, NULL)) {
    g_autofree char *table = tarn_sql_quote_identifier(name);
    g_autofree char *drop = g_strdup_printf("DROP TABLE IF EXISTS %s", table);
    if (!tarn_conn_exec(run->conn, drop, error)) return FALSE;
  }
  return TRUE;
}

gboolean tarn_stage_open(TarnRun *run, gpointer argument, gint64 *rows, GError **error) {
  (void)argument, (void)rows;
  gboolean begun = run->options->rebuild ? tarn_lakehouse_begin_empty(run->lakehouse, error)
                                         : tarn_lakehouse_begin(run->lakehouse, NULL, error);
  if (!begun || !open_work(run, error) || !upgrade(run, error) || !tarn_system_install(run->conn, error)) return FALSE;
  if (run->plan->fresh) return create_bronze(run, error);
  if (!tarn_plan_has_work(run->plan)) return TRUE;
  return tarn_plan_drop_removed(run->plan, run->conn, error) && drop_stale(run, error) &&
         tarn_conn_exec(run->conn, "CHECKPOINT", error);
}

static void tell_progress(const TarnStreamProgress *progress, gpointer user) {
  TarnRun *run = user;
  const TarnRunEvent event = {.kind = TARN_EVENT_PROGRESS,
                              .step = run->step,
                              .done = progress->bytes_read,
                              .total = progress->bytes_total,
                              .records = progress->records};
  if (run->options->listener) run->options->listener(&event, run->options->listener_data);
}

static gboolean save_counter(TarnConn *conn, const char *key, gint64 value, GError **error) {
  g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, value);
  return tarn_system_set(conn, key, text, error);
}

static gboolean save_received(TarnRun *run, gint64 received, GError **error) {
  g_autofree char *text = NULL;
  if (!tarn_system_get(run->conn, "received", &text, error)) return FALSE;
  return save_counter(run->conn, "received", received + (text ? g_ascii_strtoll(text, NULL, 10) : 0), error);
}

static TarnBronzeIngest ingest_job(TarnRun *run) {
  return (TarnBronzeIngest){.config = &run->options->project->config,
                            .conn = run->conn,
                            .stream = run->stream,
                            .first_seq = run->first_seq,
                            .first_quarantine_id = run->next_quarantine_id,
                            .now_us = run->report->started_us,
                            .run_id = run->report->run_id,
                            .progress = tell_progress,
                            .user = run};
}

/* What the source lost: into the file for good, and into the report. */
static gboolean save_gaps(TarnRun *run, GError **error) {
  const GPtrArray *gaps = tarn_stream_gaps(run->stream);
  if (!gaps || gaps->len == 0) return TRUE;
  run->has_gaps = TRUE;
  if (!tarn_gaps_save(run->conn, gaps, run->report, error)) return FALSE;
  for (guint i = 0; i < gaps->len; i++) {
    const TarnGap *gap = gaps->pdata[i];
    g_autofree char *lost = gap->to < 0 ? g_strdup("an unknown number of records")
                                        : g_strdup_printf("%" G_GINT64_FORMAT " offsets", gap->to - gap->from);
    tarn_run_report_add_change(run->report, gap->name, "recorded in tarn.gaps",
                               "%s lost in partition %d from offset %" G_GINT64_FORMAT ": %s", lost, gap->partition,
                               gap->from, gap->why);
  }
  return TRUE;
}

/* Rows, positions and counters in one transaction: exactly once. */
static gboolean ingest(TarnRun *run, GError **error) {
  const TarnBronzeIngest job = ingest_job(run);
  TarnBronzeCounts counts;
  if (!tarn_bronze_ingest(&job, &counts, error)) return FALSE;
  g_autoptr(GPtrArray) positions = tarn_stream_positions(run->stream);
  if (!tarn_positions_save(run->conn, positions, error) || !save_gaps(run, error) ||
      !save_counter(run->conn, "next_seq", counts.next_seq, error) || !save_received(run, counts.received, error))
    return FALSE;
  run->next_quarantine_id = counts.next_quarantine_id;
  TarnCounts *totals = &run->report->run_counts;
  totals->received = counts.received;
  totals->bronze = counts.bronze;
  totals->bronze_quarantined = counts.quarantined;
  return TRUE;
}

/* In a transaction of its own; a failure leaves none open. */
static gboolean transact(TarnRun *run, gboolean (*work)(TarnRun *, GError **), GError **error) {
  if (!tarn_conn_exec(run->conn, "BEGIN", error)) return FALSE;
  if (work(run, error) && tarn_conn_exec(run->conn, "COMMIT", error)) return TRUE;
  tarn_conn_exec(run->conn, "ROLLBACK", NULL);
  return FALSE;
}

/* Records leave quarantine or stay in it: none is received. */
static gboolean replay(TarnRun *run, GError **error) {
  const TarnBronzeIngest job = ingest_job(run);
  TarnBronzeCounts counts;
  if (!tarn_replay(run->options->project, &job, &counts, error) ||
      !save_counter(run->conn, "next_seq", counts.next_seq, error))
    return FALSE;
  run->next_quarantine_id = counts.next_quarantine_id;
  run->report->run_counts.bronze = counts.bronze;
  run->report->run_counts.bronze_quarantined = -counts.bronze;
  return TRUE;
}

gboolean tarn_stage_replay(TarnRun *run, gpointer argument, gint64 *rows, GError **error) {
  (void)argument;
  if (!transact(run, replay, error)) return FALSE;
  *rows = run->report->run_counts.bronze;
  return TRUE;
}

gboolean tarn_stage_bronze(TarnRun *run, gpointer argument, gint64 *rows, GError **error) {
  (void)argument;
  if (run->stream_is_used && !tarn_run_open_stream(run, error)) return FALSE;
  run->stream_is_used = TRUE;
  if (!transact(run, ingest, error)) return FALSE;
  *rows = run->report->run_counts.bronze;
  return tarn_fault_point("bronze.done", error);
}

static gboolean rescore(TarnRun *run, GError **error) {
  const TarnConfig *config = &run->options->project->config;
  g_autoptr(TarnQuality) quality = tarn_quality_new(config, run->conn, error);
  if (!quality) return FALSE;
  g_autofree char *table = tarn_sql_quote_identifier(config->bronze_table);
  g_autofree char *create = tarn_bronze_create_sql("tarn_bronze_rescored", (const char *const *)config->envelope);
  g_autofree char *envelope = tarn_bronze_envelope_sql((const char *const *)config->envelope);
  g_autofree char *fill =
      tarn_sql_fill(tarn_sql_bronze_rescore, "table", table, "envelope", envelope, "score", quality->score, "reasons",
                    quality->reasons, "failed", quality->failed, "shared", quality->shared, NULL);
  g_autofree char *drop = g_strdup_printf("DROP TABLE %s", table);
  g_autofree char *rename = g_strdup_printf("ALTER TABLE tarn_bronze_rescored RENAME TO %s", table);
  return tarn_conn_exec(run->conn, create, error) && tarn_conn_exec(run->conn, fill, error) &&
         tarn_conn_exec(run->conn, drop, error) && tarn_conn_exec(run->conn, rename, error);
}

gboolean tarn_stage_rescore(TarnRun *run, gpointer argument, gint64 *rows, GError **error) {
  (void)argument, (void)rows;
  return transact(run, rescore, error) && tarn_conn_exec(run->conn, "CHECKPOINT", error);
}

static gboolean build_silver(TarnRun *run, const TarnModel *model, gint64 *rows, GError **error) {
  const TarnSilverBuild build = {.conn = run->conn,
                                 .project = run->options->project,
                                 .model = model,
                                 .first_seq = run->first_seq,
                                 .rebuild = g_hash_table_contains(run->plan->rebuild, model->name),
                                 .now_us = run->report->started_us,
                                 .run_id = run->report->run_id};
  TarnSilverCounts counts;
  if (!tarn_silver_build(&build, &run->next_quarantine_id, &counts, error)) return FALSE;
  const TarnCounts more = {
      .silver = counts.accepted, .silver_quarantined = counts.quarantined, .duplicates = counts.duplicates};
  tarn_counts_add(&run->report->run_counts, &more);
  *rows = counts.accepted;
  return save_counter(run->conn, "next_quarantine_id", run->next_quarantine_id, error);
}

static gboolean build_gold(TarnRun *run, const TarnModel *model, gint64 *rows, GError **error) {
  const TarnGoldBuild build = {.conn = run->conn,
                               .project = run->options->project,
                               .model = model,
                               .first_seq = run->first_seq,
                               .rebuild = g_hash_table_contains(run->plan->rebuild, model->name)};
  if (!build.rebuild && run->report->run_counts.bronze == 0) return TRUE;
  if (!tarn_gold_build(&build, rows, error)) return FALSE;
  run->report->run_counts.gold += *rows;
  return TRUE;
}

gboolean tarn_stage_model(TarnRun *run, gpointer argument, gint64 *rows, GError **error) {
  const TarnModel *model = argument;
  gboolean silver = model->kind == TARN_MODEL_SILVER;
  if (!tarn_conn_exec(run->conn, "BEGIN", error)) return FALSE;
  if (!(silver ? build_silver(run, model, rows, error) : build_gold(run, model, rows, error)) ||
      !tarn_conn_exec(run->conn, "COMMIT", error)) {
    tarn_conn_exec(run->conn, "ROLLBACK", NULL);
    g_prefix_error(error, "%s: ", model->path);
    return FALSE;
  }
  return tarn_fault_point(silver ? "silver.done" : "gold.done", error);
}

/* Totals of failed rules over bronze: what was counted before plus the new rows. */
static gboolean count_reasons(TarnRun *run, GError **error) {
  const TarnConfig *config = &run->options->project->config;
  gint64 first = run->plan->rescore ? 0 : run->first_seq;
  g_autofree char *table = tarn_sql_quote_identifier(config->bronze_table);
  g_autofree char *count = tarn_sql_fill(tarn_sql_quality_count, "bronze", table, NULL);
  const TarnValue since = tarn_value_int(first);
  if (run->plan->rescore && !tarn_conn_exec(run->conn, "DELETE FROM tarn.quality_reasons", error)) return FALSE;
  if (!tarn_conn_run(run->conn, count, &since, 1, NULL, error)) return FALSE;
  for (guint i = 0; i < config->rules->len; i++) {
    const TarnQualityRule *rule = config->rules->pdata[i];
    const TarnValue name = tarn_value_text(rule->name);
    TarnReasonCount *reason = g_new0(TarnReasonCount, 1);
    reason->name = g_strdup(rule->name);
    g_ptr_array_add(run->report->quality_reasons, reason);
    if (!tarn_conn_query_int(run->conn, tarn_sql_quality_total, &name, 1, &reason->count, error)) return FALSE;
  }
  return TRUE;
}

gboolean tarn_stage_audit(TarnRun *run, gpointer argument, gint64 *rows, GError **error) {
  (void)argument, (void)rows;
  const TarnProject *project = run->options->project;
  return transact(run, count_reasons, error) &&
         tarn_audit_conservation(run->conn, project, &run->report->counts, error) &&
         tarn_audit_checks(run->conn, project, run->report, error) && tarn_fault_point("checks.done", error);
}

gboolean tarn_stage_precompute(TarnRun *run, gpointer argument, gint64 *rows, GError **error) {
  (void)argument;
  if (!tarn_conn_exec(run->conn, "BEGIN", error)) return FALSE;
  if (tarn_precompute_render(run->conn, run->options->project, rows, error) &&
      tarn_conn_exec(run->conn, "COMMIT", error))
    return TRUE;
  tarn_conn_exec(run->conn, "ROLLBACK", NULL);
  return FALSE;
}

static gboolean publish(TarnRun *run, GError **error) {
  gboolean compact;
  if (!transact(run, tarn_run_seal, error) || !tarn_fault_point("commit.after", error) ||
      !tarn_conn_exec(run->conn, "CHECKPOINT", error) || !tarn_fault_point("checkpoint.done", error) ||
      !tarn_compact_is_due(run->conn, &compact, error))
    return FALSE;
  const TarnDbOptions options = work_options(run);
  tarn_run_close(run);
  if (compact && !tarn_compact(tarn_lakehouse_work_path(run->lakehouse), &options, error)) return FALSE;
  return tarn_fault_point("publish.closed", error) &&
         tarn_lakehouse_publish(run->lakehouse, run->report->generation, run->options->project->config.keep, error);
}

gboolean tarn_stage_publish(TarnRun *run, gpointer argument, gint64 *rows, GError **error) {
  (void)argument, (void)rows;
  run->report->generation = MAX(run->generation, run->highest_generation) + 1;
  if (publish(run, error)) return TRUE;
  run->report->status = TARN_RUN_FAILED;
  run->report->generation = run->generation;
  return FALSE;
}
