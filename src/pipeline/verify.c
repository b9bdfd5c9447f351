#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "lakehouse/sql.h"
#include "lakehouse/system.h"
#include "lakehouse/table_state.h"
#include "pipeline/gold.h"
#include "pipeline/pipeline.h"
#include "pipeline/precompute.h"
#include "pipeline/quality.h"
#include "pipeline/silver.h"

/* A scratch database beside the published file, which is attached to it read-only. */
typedef struct {
  const TarnRunOptions *options;
  TarnRunReport *report;
  char *folder;
  char *path;
  TarnDb *db;
  TarnConn *conn;
} Verify;

static void verify_clear(Verify *verify) {
  tarn_conn_close(verify->conn);
  tarn_db_close(verify->db);
  if (verify->path) g_unlink(verify->path);
  if (verify->folder) g_rmdir(verify->folder);
  g_free(verify->path);
  g_free(verify->folder);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Verify, verify_clear)

static void add_result(Verify *verify, const char *name, gint64 failures) {
  TarnCheckResult *result = g_new0(TarnCheckResult, 1);
  result->name = g_strdup(name);
  result->failures = failures;
  g_ptr_array_add(verify->report->checks, result);
}

/* Runs a statement that counts differences, and records the count under a name. */
static gboolean count_differences(Verify *verify, TarnConn *conn, const char *sql, const char *table,
                                  const char *format, GError **error) {
  gint64 failures;
  const TarnValue value = tarn_value_text(table);
  if (!tarn_conn_query_int(conn, sql, &value, table ? 1 : 0, &failures, error)) return FALSE;
  g_autofree char *name = g_strdup_printf(format, table ? table : "");
  add_result(verify, name, failures);
  return TRUE;
}

static gboolean verify_state(Verify *verify, TarnConn *conn, const TarnTableState *state, GError **error) {
  const TarnTableScope scope = tarn_table_scope(state->table, state->layer);
  g_autoptr(TarnTableState) now = tarn_table_state_compute(conn, &scope, error);
  if (!now) return FALSE;
  g_autofree char *name = g_strdup_printf("%s is as recorded", state->table);
  add_result(verify, name, !g_str_equal(now->content_hash, state->content_hash) || now->rows != state->rows);
  return TRUE;
}

/* What the file records of its own tables, against the tables. */
static gboolean verify_states(Verify *verify, GError **error) {
  const TarnDbOptions options = {.read_only = TRUE,
                                 .threads = verify->options->budget.threads,
                                 .memory_bytes = verify->options->budget.engine_bytes};
  g_autoptr(TarnDb) db = tarn_db_open(verify->options->database_path, &options, error);
  g_autoptr(TarnConn) conn = db ? tarn_db_connect(db, error) : NULL;
  gint64 generation;
  if (!conn || !tarn_system_check(conn, error) || !tarn_system_generation(conn, &generation, error)) return FALSE;
  verify->report->generation = generation;
  g_autoptr(GPtrArray) states = tarn_table_states_read(conn, generation, error);
  if (!states || !tarn_ledger_last_counts(conn, &verify->report->counts, error)) return FALSE;
  for (guint i = 0; i < states->len; i++)
    if (!verify_state(verify, conn, states->pdata[i], error)) return FALSE;
  return TRUE;
}

static gboolean open_scratch(Verify *verify, GError **error) {
  g_autofree char *parent = g_path_get_dirname(verify->options->database_path);
  verify->folder = g_build_filename(parent, ".tarn-verify-XXXXXX", NULL);
  if (!g_mkdtemp(verify->folder)) {
    g_clear_pointer(&verify->folder, g_free);
    verify->folder = g_dir_make_tmp("tarn-verify-XXXXXX", NULL); /* the volume may be read-only */
  }
  if (!verify->folder) {
    tarn_error_set(error, TARN_ERROR_ENVIRONMENT, "make the database's folder or TMPDIR writable",
                   "no folder for scratch data");
    return FALSE;
  }
  verify->path = g_build_filename(verify->folder, "scratch.duckdb", NULL);
  const TarnDbOptions options = {.threads = verify->options->budget.threads,
                                 .memory_bytes = verify->options->budget.engine_bytes,
                                 .temp_directory = verify->folder,
                                 .external_access = TRUE};
  verify->db = tarn_db_open(verify->path, &options, error);
  verify->conn = verify->db ? tarn_db_connect(verify->db, error) : NULL;
  if (!verify->conn) return FALSE;
  g_autofree char *file = tarn_sql_quote_literal(verify->options->database_path);
  g_autofree char *bronze = tarn_sql_quote_identifier(verify->options->project->config.bronze_table);
  g_autofree char *attach = tarn_sql_fill(tarn_sql_verify_attach, "file", file, "bronze", bronze, NULL);
  return tarn_conn_exec(verify->conn, attach, error) && tarn_system_install(verify->conn, error);
}

static gboolean verify_scores(Verify *verify, GError **error) {
  const TarnConfig *config = &verify->options->project->config;
  g_autoptr(TarnQuality) quality = tarn_quality_new(config, verify->conn, error);
  if (!quality) return FALSE;
  g_autofree char *bronze = tarn_sql_quote_identifier(config->bronze_table);
  g_autofree char *sql = tarn_sql_fill(tarn_sql_verify_scores, "bronze", bronze, "score", quality->score, "reasons",
                                       quality->reasons, "failed", quality->failed, "shared", quality->shared, NULL);
  return count_differences(verify, verify->conn, sql, NULL, "quality scores%s", error);
}

static gboolean rebuild_silver(Verify *verify, const TarnModel *model, GError **error) {
  const TarnSilverBuild build = {.conn = verify->conn,
                                 .project = verify->options->project,
                                 .model = model,
                                 .rebuild = TRUE,
                                 .run_id = verify->report->run_id};
  gint64 next_id = 1;
  TarnSilverCounts counts;
  if (!tarn_silver_build(&build, &next_id, &counts, error)) return FALSE;
  g_autofree char *bronze = tarn_sql_quote_identifier(verify->options->project->config.bronze_table);
  g_autofree char *table = tarn_sql_quote_identifier(model->name);
  g_autofree char *law = tarn_sql_fill(tarn_sql_verify_conservation, "bronze", bronze, "table", table, NULL);
  return count_differences(verify, verify->conn, tarn_sql_verify_quarantine, model->name, "%s quarantine", error) &&
         count_differences(verify, verify->conn, tarn_sql_verify_duplicates, model->name, "%s duplicates", error) &&
         count_differences(verify, verify->conn, law, model->name, "%s conservation law", error);
}

static gboolean verify_model(Verify *verify, const TarnModel *model, GError **error) {
  const TarnGoldBuild gold = {
      .conn = verify->conn, .project = verify->options->project, .model = model, .rebuild = TRUE};
  gint64 rows;
  if (model->kind == TARN_MODEL_SILVER ? !rebuild_silver(verify, model, error) : !tarn_gold_build(&gold, &rows, error))
    return FALSE;
  g_autofree char *table = tarn_sql_quote_identifier(model->name);
  g_autofree char *compare = tarn_sql_fill(tarn_sql_verify_table, "table", table, NULL);
  g_autofree char *format = g_strdup_printf("%s rows%%s", model->name);
  return count_differences(verify, verify->conn, compare, NULL, format, error);
}

/* The answers that the published file holds, against those over the tables that were built anew. */
static gboolean verify_precomputed(Verify *verify, GError **error) {
  const TarnValue database = tarn_value_text("published");
  gint64 answers, exists;
  if (!tarn_project_precomputes(verify->options->project)) return TRUE;
  if (!tarn_conn_query_int(verify->conn, tarn_sql_precomputed_exists, &database, 1, &exists, error) ||
      !tarn_precompute_render(verify->conn, verify->options->project, &answers, error))
    return FALSE;
  const char *compare = exists ? tarn_sql_verify_precomputed : "SELECT count(*) FROM tarn.precomputed";
  return count_differences(verify, verify->conn, compare, NULL, "precomputed answers%s", error);
}

gboolean tarn_verify(const TarnRunOptions *options, TarnRunReport *report, GError **error) {
  g_auto(Verify) verify = {.options = options, .report = report};
  report->database = g_strdup(options->database_path);
  if (!verify_states(&verify, error) || !open_scratch(&verify, error) || !verify_scores(&verify, error)) return FALSE;
  for (guint i = 0; i < options->project->models->len; i++)
    if (!verify_model(&verify, options->project->models->pdata[i], error)) return FALSE;
  if (!verify_precomputed(&verify, error)) return FALSE;
  report->finished_us = g_get_real_time();
  guint broken = 0;
  for (guint i = 0; i < report->checks->len; i++) broken += ((TarnCheckResult *)report->checks->pdata[i])->failures > 0;
  report->status = broken ? TARN_RUN_FAILED : TARN_RUN_UNCHANGED;
  if (broken == 0) return TRUE;
  tarn_error_set(error, TARN_ERROR_AUDIT,
                 "if the project changed since the last run, `tarn run` first; else `tarn run --full-refresh` rebuilds "
                 "from bronze, and the difference is worth a report",
                 "%u of %u comparisons differ", broken, report->checks->len);
  return FALSE;
}
