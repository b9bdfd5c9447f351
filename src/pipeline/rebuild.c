#include "pipeline/rebuild.h"

#include "base/error.h"
#include "lakehouse/sql.h"
#include "lakehouse/system.h"
#include "pipeline/archive_private.h"
#include "pipeline/positions.h"
#include "pipeline/rebuild_private.h"
#include "stream/until.h"

static void comparison_free(gpointer data) {
  TarnComparison *comparison = data;
  g_free(comparison->table);
  g_free(comparison->why);
  g_free(comparison);
}

static void loss_free(gpointer data) {
  TarnLoss *loss = data;
  g_free(loss->source_name);
  g_free(loss->why);
  g_free(loss);
}

TarnRebuildReport *tarn_rebuild_report_new(void) {
  TarnRebuildReport *report = g_new0(TarnRebuildReport, 1);
  report->comparisons = g_ptr_array_new_with_free_func(comparison_free);
  report->losses = g_ptr_array_new_with_free_func(loss_free);
  report->notes = g_ptr_array_new_with_free_func(g_free);
  return report;
}

void tarn_rebuild_report_free(TarnRebuildReport *report) {
  if (!report) return;
  g_ptr_array_unref(report->comparisons);
  g_ptr_array_unref(report->losses);
  g_ptr_array_unref(report->notes);
  g_free(report);
}

void tarn_rebuild_note(TarnRebuild *rebuild, const char *format, ...) {
  va_list args;
  va_start(args, format);
  g_ptr_array_add(rebuild->report->notes, g_strdup_vprintf(format, args));
  va_end(args);
}

void tarn_rebuild_add_loss(TarnRebuild *rebuild, const TarnLoss *loss) {
  TarnLoss *copy = g_memdup2(loss, sizeof *loss);
  copy->source_name = g_strdup(loss->source_name);
  copy->why = g_strdup(loss->why);
  g_ptr_array_add(rebuild->report->losses, copy);
}

static gboolean takes_archive(const TarnRebuild *rebuild) { return rebuild->options->from != TARN_REBUILD_SOURCE; }

/* The published file as a manifest, with the parts of all its records in one entry. */
static TarnArchiveManifest *describe_published(TarnRun *run, GError **error) {
  const TarnDbOptions options = {
      .read_only = TRUE, .threads = run->options->budget.threads, .memory_bytes = run->options->budget.engine_bytes};
  g_autoptr(TarnDb) db = tarn_db_open(tarn_lakehouse_path(run->lakehouse), &options, error);
  g_autoptr(TarnConn) conn = db ? tarn_db_connect(db, error) : NULL;
  g_autoptr(TarnArchiveManifest) manifest = tarn_archive_manifest_new();
  if (!conn || !tarn_system_check(conn, error) || !tarn_archive_describe(conn, run->options->project, manifest, error))
    return NULL;
  g_autofree char *bronze = tarn_sql_quote_identifier(run->options->project->config.bronze_table);
  g_autofree char *sql = tarn_sql_fill(tarn_sql_rebuild_parts, "bronze", bronze, NULL);
  TarnArchiveFile *file = g_new0(TarnArchiveFile, 1);
  g_ptr_array_add(manifest->files, file);
  file->parts = tarn_archive_query_text(conn, sql, NULL, 0, error);
  return file->parts ? g_steal_pointer(&manifest) : NULL;
}

/* Something published is replaced only where that was asked for; it may be what is broken. */
static gboolean look_at_published(TarnRun *run, GError **error) {
  TarnRebuild *rebuild = run->options->rebuild;
  g_autoptr(GArray) kept = tarn_lakehouse_kept(run->lakehouse);
  if (kept->len > 0) run->highest_generation = g_array_index(kept, gint64, 0);
  if (!tarn_lakehouse_exists(run->lakehouse)) return TRUE;
  g_autoptr(GError) fault = NULL;
  rebuild->published = describe_published(run, &fault);
  g_autofree char *what = rebuild->published
                              ? g_strdup_printf("generation %" G_GINT64_FORMAT, rebuild->published->generation)
                              : g_strdup_printf("a file that cannot be read (%s)", fault->message);
  if (!rebuild->options->replace) {
    tarn_error_set(error, TARN_ERROR_USAGE,
                   "`--replace` publishes the rebuilt lakehouse in its place, once it is audited, and keeps what is "
                   "there beside it; DB_PATH=/elsewhere.duckdb rebuilds without touching it",
                   "%s is published at %s", what, tarn_lakehouse_path(run->lakehouse));
    return FALSE;
  }
  if (rebuild->published)
    run->highest_generation = MAX(run->highest_generation, rebuild->published->generation);
  else
    run->highest_generation++; /* the least that it can have been */
  return TRUE;
}

static gboolean check_project(const TarnRebuild *rebuild, GError **error) {
  const char *name = rebuild->run.project->config.name;
  if (g_str_equal(rebuild->archive.newest->project, name)) return TRUE;
  tarn_error_set(error, TARN_ERROR_USAGE, "give the folder of this project's archive",
                 "%s is the archive of the project '%s', not of '%s'", rebuild->options->archive,
                 rebuild->archive.newest->project, name);
  return FALSE;
}

static gboolean look_at_archive(TarnRebuild *rebuild, GError **error) {
  const char *folder = rebuild->options->archive;
  if (!folder) return TRUE;
  if (!tarn_archive_folder_read(folder, &rebuild->archive, error)) return FALSE;
  if (!rebuild->archive.newest && takes_archive(rebuild)) {
    tarn_error_set(error, TARN_ERROR_ENVIRONMENT, "`tarn archive` writes one; check the folder's name",
                   "there is no archive in %s", folder);
    return FALSE;
  }
  if (!rebuild->archive.newest) return TRUE;
  for (guint i = 0; takes_archive(rebuild) && i < rebuild->archive.damaged->len; i++)
    tarn_rebuild_note(rebuild, "%s of the archive is damaged: what only it names is not restored",
                      (char *)rebuild->archive.damaged->pdata[i]);
  return check_project(rebuild, error);
}

/* What to compare with: the archive that rows are taken from, else the published file, else an archive that is at hand. */
static void choose_record(TarnRebuild *rebuild) {
  gboolean from_published = !takes_archive(rebuild) && rebuild->published;
  rebuild->record = from_published ? rebuild->published : rebuild->archive.newest;
  if (!rebuild->record) return;
  rebuild->report->compared_with = from_published ? "published file" : "archive";
  rebuild->report->recorded_generation = rebuild->record->generation;
}

gboolean tarn_rebuild_prepare(TarnRun *run, GError **error) {
  TarnRebuild *rebuild = run->options->rebuild;
  const TarnProject *project = run->options->project;
  run->positions = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_position_free);
  run->first_seq = run->next_quarantine_id = 1;
  run->plan = tarn_plan_new(project, NULL, FALSE, run->report, error);
  if (!run->plan || !tarn_run_validate(run, error) || !look_at_published(run, error) ||
      !look_at_archive(rebuild, error))
    return FALSE;
  choose_record(rebuild);
  if (!rebuild->record) return TRUE;
  rebuild->since = tarn_plan_new(project, rebuild->record->objects, FALSE, run->report, error);
  return rebuild->since != NULL;
}

static gboolean take_positions(TarnRun *run, GError **error) {
  g_ptr_array_unref(run->positions);
  run->positions = tarn_positions_load(run->conn, error);
  if (run->positions) return TRUE;
  run->positions = g_ptr_array_new();
  return FALSE;
}

TarnStream *tarn_rebuild_limit(TarnRun *run, TarnStream *stream) {
  const TarnRebuild *rebuild = run->options->rebuild;
  return rebuild->ends ? tarn_stream_until(stream, rebuild->now, rebuild->ends) : stream;
}

/* What the source says itself that it lost, when it was opened at positions of before. */
static gboolean take_gaps(TarnRun *run, GError **error) {
  const GPtrArray *gaps = tarn_stream_gaps(run->stream);
  for (guint i = 0; gaps && i < gaps->len; i++) {
    const TarnGap *gap = gaps->pdata[i];
    const TarnLoss loss = {.source_name = gap->name,
                           .partition = gap->partition,
                           .first_offset = gap->from,
                           .last_offset = gap->to < 0 ? -1 : gap->to - 1,
                           .records = gap->to < 0 ? -1 : gap->to - gap->from,
                           .why = gap->why};
    tarn_rebuild_add_loss(run->options->rebuild, &loss);
  }
  return tarn_rebuild_check_losses(run, error);
}

/* Opens the source at the recorded positions, which tells whether it is the one that was recorded and what its parts are called today; and then at
 * its beginning, to be read to these positions. */
static gboolean open_limited(TarnRun *run, GError **error) {
  TarnRebuild *rebuild = run->options->rebuild;
  gboolean final = rebuild->run.final;
  if (!tarn_rebuild_set_rows(run, "positions", rebuild->record->positions, error) || !take_positions(run, error) ||
      !tarn_run_ask_source(run, error))
    return FALSE;
  rebuild->now = tarn_stream_positions(run->stream);
  rebuild->ends = g_steal_pointer(&run->positions);
  run->positions = g_ptr_array_new();
  rebuild->run.final = TRUE; /* a last line that an earlier run took as final lies before the recorded position */
  gboolean ok = tarn_run_ask_source(run, error);
  rebuild->run.final = final;
  return ok;
}

/* Reads the source from its beginning to the recorded positions. */
static gboolean read_to_record(TarnRun *run, GError **error) {
  TarnRebuild *rebuild = run->options->rebuild;
  if (!open_limited(run, error) || !tarn_run_step(run, "bronze", tarn_stage_bronze, NULL, error)) return FALSE;
  rebuild->report->read = run->report->run_counts.received;
  g_clear_pointer(&rebuild->ends, g_ptr_array_unref);
  run->stream_is_used = FALSE;
  return tarn_rebuild_find_losses(run, rebuild->record, "the source does not have them any more", error) &&
         tarn_rebuild_check_losses(run, error);
}

/* How often each quality rule failed so far: the run itself counts from here on. */
static gboolean count_reasons(TarnRun *run, GError **error) {
  g_autofree char *table = tarn_sql_quote_identifier(run->options->project->config.bronze_table);
  g_autofree char *sql = tarn_sql_fill(tarn_sql_quality_count, "bronze", table, NULL);
  const TarnValue since = tarn_value_int(0);
  return tarn_conn_run(run->conn, sql, &since, 1, NULL, error);
}

static gboolean add_generation(TarnRun *run, const TarnArchiveManifest *record, GError **error) {
  g_autoptr(GPtrArray) nothing = g_ptr_array_new();
  g_autofree char *positions = tarn_positions_moved(nothing, run->positions);
  const TarnValue values[] = {tarn_value_int(record->generation),
                              tarn_value_text(record->run_id),
                              tarn_value_int(record->published_us),
                              tarn_value_text(record->tarn_version),
                              tarn_value_text(record->duckdb_version),
                              tarn_value_text(record->project_digest),
                              tarn_value_text(positions)};
  return tarn_conn_run(run->conn, tarn_sql_rebuild_generation, values, G_N_ELEMENTS(values), NULL, error);
}

/* The work file is now what the recorded generation was: the run goes on as if it had cloned that. */
static gboolean establish(TarnRun *run, GError **error) {
  const TarnArchiveManifest *record = run->options->rebuild->record;
  g_autofree char *next = NULL;
  if (!count_reasons(run, error) || !tarn_system_get(run->conn, "next_seq", &next, error) ||
      !take_positions(run, error) || !add_generation(run, record, error))
    return FALSE;
  run->generation = record->generation;
  run->highest_generation = MAX(run->highest_generation, record->generation);
  run->first_seq = g_ascii_strtoll(next, NULL, 10);
  run->report->run_counts = (TarnCounts){0};
  g_hash_table_remove_all(run->plan->rebuild);
  g_clear_pointer(&run->stream, tarn_stream_free);
  return TRUE;
}

/* SQL of the project has no business with other files. */
static gboolean lock_out_files(TarnRun *run, GError **error) {
  return tarn_conn_exec(run->conn, "SET enable_external_access = false", error);
}

gboolean tarn_rebuild_restore(TarnRun *run, GError **error) {
  TarnRebuild *rebuild = run->options->rebuild;
  run->has_input = FALSE;
  if (takes_archive(rebuild) && !tarn_rebuild_load(run, error)) return FALSE;
  gboolean numbered_anew = !takes_archive(rebuild);
  if (!lock_out_files(run, error) ||
      (numbered_anew && !tarn_system_set(run->conn, TARN_NUMBERING_KEY, run->report->run_id, error)))
    return FALSE;
  if (rebuild->record) {
    if (!takes_archive(rebuild) && !read_to_record(run, error)) return FALSE;
    if (!tarn_run_models(run, error) || !tarn_rebuild_compare(run, error) || !establish(run, error)) return FALSE;
  }
  return rebuild->options->from == TARN_REBUILD_ARCHIVE || (tarn_run_ask_source(run, error) && take_gaps(run, error));
}

/* How many records the published file has that the rebuilt one has not; no reason to stop: the source is read on from the archive's positions. */
static gboolean note_rest(TarnRun *run, GError **error) {
  TarnRebuild *rebuild = run->options->rebuild;
  g_autoptr(TarnRebuildReport) rest = tarn_rebuild_report_new();
  TarnRebuildReport *report = rebuild->report;
  gint64 records = 0;
  rebuild->report = rest;
  gboolean ok = tarn_rebuild_find_losses(run, rebuild->published, "", error);
  rebuild->report = report;
  for (guint i = 0; i < rest->losses->len; i++) records += ((TarnLoss *)rest->losses->pdata[i])->records;
  if (records > 0)
    tarn_rebuild_note(rebuild,
                      "generation %" G_GINT64_FORMAT " has %" G_GINT64_FORMAT
                      " records that the archive has not: `tarn run` reads them from the source, if it still has them",
                      rebuild->published->generation, records);
  return ok;
}

gboolean tarn_rebuild_account(TarnRun *run, GError **error) {
  TarnRebuild *rebuild = run->options->rebuild;
  rebuild->report->read += run->report->run_counts.received;
  if (!takes_archive(rebuild) || !rebuild->published) return TRUE;
  if (rebuild->options->from == TARN_REBUILD_ARCHIVE) return note_rest(run, error);
  guint before = rebuild->report->losses->len;
  return tarn_rebuild_find_losses(run, rebuild->published,
                                  "the published file has them, the archive and the source do not", error) &&
         tarn_rebuild_check_losses(run, error) && tarn_rebuild_record_losses(run, before, error);
}

static void rebuild_clear(TarnRebuild *rebuild) {
  tarn_archive_folder_clear(&rebuild->archive);
  tarn_archive_manifest_free(rebuild->published);
  tarn_plan_free(rebuild->since);
  g_clear_pointer(&rebuild->ends, g_ptr_array_unref);
  g_clear_pointer(&rebuild->now, g_ptr_array_unref);
}

gboolean tarn_rebuild(const TarnRunOptions *run, const TarnRebuildOptions *options, TarnRunReport *report,
                      TarnRebuildReport *rebuild, GError **error) {
  TarnRebuild job = {.run = *run, .options = options, .report = rebuild};
  job.run.rebuild = &job;
  job.run.accept_gaps = options->accept_loss;
  job.run.from = NULL;
  job.run.full_refresh = job.run.replay = job.run.resume = FALSE;
  gboolean ok = tarn_run(&job.run, report, error);
  rebuild_clear(&job);
  return ok;
}
