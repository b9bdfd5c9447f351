#include "base/fault.h"
#include "lakehouse/sql.h"
#include "lakehouse/system.h"
#include "lakehouse/table_state.h"
#include "pipeline/positions.h"
#include "pipeline/run_private.h"

/* The state of one table: where only rows were added since the last generation, only those are read. */
static gboolean save_state(TarnRun *run, const GPtrArray *before, TarnTableScope scope, gboolean anew,
                           gboolean untouched, GError **error) {
  const TarnTableState *base = tarn_table_states_find(before, scope.table);
  if (untouched && base) return tarn_table_state_save(run->conn, run->report->generation, base, error);
  if (!anew && base) {
    scope.min_seq = run->first_seq;
    scope.base = base;
  }
  g_autoptr(TarnTableState) state = tarn_table_state_compute(run->conn, &scope, error);
  return state && tarn_table_state_save(run->conn, run->report->generation, state, error);
}

static gboolean save_model_state(TarnRun *run, const GPtrArray *before, const TarnModel *model, GError **error) {
  gboolean anew = g_hash_table_contains(run->plan->rebuild, model->name), added = run->report->run_counts.bronze > 0;
  gboolean silver = model->kind == TARN_MODEL_SILVER;
  const TarnTableScope scope = tarn_table_scope(model->name, silver ? "silver" : "gold");
  return save_state(run, before, scope, anew || !silver, !anew && !added, error);
}

static gboolean save_states(TarnRun *run, GError **error) {
  const TarnProject *project = run->options->project;
  g_autoptr(GPtrArray) before = tarn_table_states_read(run->conn, run->generation, error);
  if (!before) return FALSE;
  gboolean anew =
      g_hash_table_size(run->plan->rebuild) > 0 || run->plan->removed->len > 0 || run->options->replay || run->upgraded;
  const TarnTableScope bronze = tarn_table_scope(project->config.bronze_table, "bronze");
  const TarnTableScope quarantine = tarn_table_scope("tarn.quarantine", "system");
  const TarnTableScope duplicates = tarn_table_scope("tarn.duplicates", "system");
  if (!save_state(run, before, bronze, run->plan->rescore || run->upgraded, FALSE, error) ||
      !save_state(run, before, quarantine, anew, FALSE, error) ||
      !save_state(run, before, duplicates, anew, FALSE, error))
    return FALSE;
  for (guint i = 0; i < project->models->len; i++)
    if (!save_model_state(run, before, project->models->pdata[i], error)) return FALSE;
  return TRUE;
}

/* Names every column that came, went or changed its type since the last generation. */
static gboolean report_columns(TarnRun *run, GError **error) {
  if (run->plan->fresh || g_hash_table_size(run->plan->rebuild) == 0) return TRUE;
  g_autoptr(TarnResult) result = tarn_conn_query(run->conn, tarn_sql_columns_changed, NULL, 0, error);
  if (!result) return FALSE;
  for (guint64 row = 0; row < tarn_result_rows(result); row++) {
    g_autofree char *table = tarn_result_text(result, row, 0), *column = tarn_result_text(result, row, 1);
    g_autofree char *before = tarn_result_text(result, row, 2), *now = tarn_result_text(result, row, 3);
    if (!now)
      tarn_run_report_add_change(run->report, table, NULL, "column %s removed", column);
    else if (!before)
      tarn_run_report_add_change(run->report, table, NULL, "column %s added (%s)", column, now);
    else
      tarn_run_report_add_change(run->report, table, NULL, "type of %s changed from %s to %s", column, before, now);
  }
  return TRUE;
}

static gboolean describe_columns(TarnRun *run, GError **error) {
  const TarnProject *project = run->options->project;
  if (!tarn_conn_exec(run->conn, tarn_sql_columns_collect, error)) return FALSE;
  for (guint i = 0; i < project->models->len; i++) {
    const TarnModel *model = project->models->pdata[i];
    const TarnValue layer[] = {tarn_value_text(model->name),
                               tarn_value_text(model->kind == TARN_MODEL_SILVER ? "silver" : "gold")};
    if (!tarn_conn_run(run->conn, tarn_sql_columns_set_layer, layer, 2, NULL, error)) return FALSE;
    for (guint c = 0; c < model->columns->len; c++) {
      const TarnColumnNote *note = model->columns->pdata[c];
      const TarnValue values[] = {tarn_value_text(model->name), tarn_value_text(note->name),
                                  tarn_value_text(note->note)};
      if (!tarn_conn_run(run->conn, tarn_sql_columns_set_note, values, 3, NULL, error)) return FALSE;
    }
  }
  return TRUE;
}

static char *moved_positions(const TarnRun *run, GError **error) {
  g_autoptr(GPtrArray) now = tarn_positions_load(run->conn, error);
  return now ? tarn_positions_moved(run->positions, now) : NULL;
}

gboolean tarn_run_seal(TarnRun *run, GError **error) {
  TarnRunReport *report = run->report;
  g_autofree char *positions = moved_positions(run, error);
  if (!positions) return FALSE;
  g_autofree char *digest = tarn_plan_project_digest(run->options->project);
  const TarnGenerationRow row = {
      .generation = report->generation, .run_id = report->run_id, .project_digest = digest, .positions = positions};
  report->status = TARN_RUN_PUBLISHED;
  report->finished_us = g_get_real_time();
  return tarn_plan_store(run->options->project, run->plan, run->conn, error) && report_columns(run, error) &&
         describe_columns(run, error) && save_states(run, error) &&
         (!run->hold || tarn_system_set(run->conn, "hold", NULL, error)) &&
         tarn_system_add_generation(run->conn, &row, error) && tarn_ledger_add_run(run->conn, report, error) &&
         tarn_fault_point("commit.before", error);
}
