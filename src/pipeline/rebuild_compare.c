#include <string.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/json_writer.h"
#include "lakehouse/bronze.h"
#include "lakehouse/sql.h"
#include "pipeline/positions.h"
#include "pipeline/rebuild_private.h"

/* Duplicates whose other record lies in another partition or file: which of them came first is decided by the order of reading. */
typedef struct {
  gint64 records;   /* all of them */
  gint64 different; /* those that say something else than the kept one */
  char *examples;
} Contested;

static char *bronze_name(const TarnRun *run) {
  return tarn_sql_quote_identifier(run->options->project->config.bronze_table);
}

/* The parts of all files of a manifest as one JSON array. */
static char *all_parts(const TarnArchiveManifest *manifest) {
  g_autoptr(GString) list = g_string_new("[");
  for (guint i = 0; i < manifest->files->len; i++) {
    const char *parts = ((TarnArchiveFile *)manifest->files->pdata[i])->parts;
    g_autofree char *inner = g_strndup(parts + 1, strlen(parts) - 2); /* an array without its brackets */
    if (*inner) g_string_append_printf(list, "%s%s", list->len > 1 ? "," : "", inner);
  }
  g_string_append_c(list, ']');
  return g_string_free(g_steal_pointer(&list), FALSE);
}

gboolean tarn_rebuild_find_losses(TarnRun *run, const TarnArchiveManifest *expected, const char *why, GError **error) {
  g_autofree char *bronze = bronze_name(run), *parts = all_parts(expected);
  g_autofree char *sql = tarn_sql_fill(tarn_sql_rebuild_missing, "bronze", bronze, NULL);
  const TarnValue value = tarn_value_text(parts);
  g_autoptr(TarnResult) missing = tarn_conn_query(run->conn, sql, &value, 1, error);
  if (!missing) return FALSE;
  for (guint64 row = 0; row < tarn_result_rows(missing); row++) {
    g_autofree char *name = tarn_result_text(missing, row, 0);
    const TarnLoss loss = {.source_name = name,
                           .partition = tarn_result_int(missing, row, 1),
                           .first_offset = tarn_result_int(missing, row, 2),
                           .last_offset = tarn_result_int(missing, row, 3),
                           .records = tarn_result_int(missing, row, 4),
                           .why = (char *)why};
    tarn_rebuild_add_loss(run->options->rebuild, &loss);
  }
  return TRUE;
}

static char *describe_loss(const TarnLoss *loss) {
  g_autofree char *records =
      loss->records < 0 ? g_strdup("an unknown number of") : g_strdup_printf("%" G_GINT64_FORMAT, loss->records);
  return g_strdup_printf("%s records of %s, partition %" G_GINT64_FORMAT ", offsets %" G_GINT64_FORMAT
                         " to %" G_GINT64_FORMAT " (%s)",
                         records, loss->source_name, loss->partition, loss->first_offset, loss->last_offset, loss->why);
}

gboolean tarn_rebuild_record_losses(TarnRun *run, guint first, GError **error) {
  const GPtrArray *losses = run->options->rebuild->report->losses;
  g_autoptr(GPtrArray) gaps = g_ptr_array_new_with_free_func(g_free);
  for (guint i = first; i < losses->len; i++) {
    const TarnLoss *loss = losses->pdata[i];
    TarnGap *gap = g_new(TarnGap, 1);
    *gap = (TarnGap){loss->source_name, (gint32)loss->partition, loss->first_offset, loss->last_offset + 1, loss->why};
    g_ptr_array_add(gaps, gap);
    g_autofree char *text = describe_loss(loss);
    tarn_run_report_add_change(run->report, "loss", "accepted, recorded in tarn.gaps", "%s", text);
  }
  return tarn_gaps_save(run->conn, gaps, run->report, error);
}

gboolean tarn_rebuild_check_losses(TarnRun *run, GError **error) {
  const TarnRebuild *rebuild = run->options->rebuild;
  const GPtrArray *losses = rebuild->report->losses;
  if (losses->len == 0 || rebuild->options->accept_loss) return TRUE;
  g_autofree char *first = describe_loss(losses->pdata[0]);
  g_autofree char *more = losses->len > 1 ? g_strdup_printf(", and %u more losses", losses->len - 1) : g_strdup("");
  tarn_error_set(error, TARN_ERROR_SOURCE,
                 "--json lists every loss; another copy of the archive or of the source may still have the records; "
                 "`--accept-loss` publishes without them and records that in the ledger",
                 "records are gone: %s%s", first, more);
  return FALSE;
}

/* Everything that a bronze row says, as arguments of hash(). */
static char *content_arguments(const TarnRun *run) {
  g_autofree char *envelope = tarn_bronze_envelope_sql((const char *const *)run->options->project->config.envelope);
  return g_strconcat(envelope, "raw_payload, extra", NULL);
}

static gboolean count_contested(TarnRun *run, Contested *contested, GError **error) {
  g_autofree char *bronze = bronze_name(run), *content = content_arguments(run);
  g_autofree char *sql = tarn_sql_fill(tarn_sql_rebuild_contested, "bronze", bronze, "content", content, NULL);
  g_autoptr(TarnResult) row = tarn_conn_query(run->conn, sql, NULL, 0, error);
  if (!row) return FALSE;
  *contested = (Contested){tarn_result_int(row, 0, 0), tarn_result_int(row, 0, 1), tarn_result_text(row, 0, 2)};
  return TRUE;
}

/* Why a table cannot be compared with its record; NULL: it can. */
static const char *obstacle(const TarnRebuild *rebuild, const TarnTableState *recorded) {
  const TarnPlan *since = rebuild->since;
  gboolean system = g_str_equal(recorded->layer, "system");
  if (rebuild->report->losses->len > 0) return "records are gone";
  if (!g_str_equal(rebuild->record->duckdb_version, tarn_duckdb_version()))
    return "the record was made by another version of DuckDB, whose hashes are other ones";
  if (g_str_equal(recorded->layer, "bronze")) return since->rescore ? "the quality rules changed" : NULL;
  if (g_hash_table_contains(since->rebuild, recorded->table)) return "the model or what it reads changed";
  if (system && (g_hash_table_size(since->rebuild) > 0 || since->removed->len > 0)) return "models changed";
  return NULL;
}

/* May the order of reading have chosen other duplicates? */
static gboolean is_explained(const TarnTableState *recorded, const TarnTableState *now, const Contested *contested) {
  if (g_str_equal(recorded->layer, "bronze")) return FALSE;
  gboolean of_duplicates = g_str_equal(recorded->table, "tarn.duplicates");
  return (of_duplicates ? contested->records : contested->different) > 0 && now->rows == recorded->rows;
}

static TarnComparedAs judge(const TarnTableState *recorded, const TarnTableState *now, const Contested *contested,
                            const char *why) {
  if (why || !now) return TARN_COMPARED_NOT;
  if (now->rows == recorded->rows && g_str_equal(now->content_hash, recorded->content_hash)) return TARN_COMPARED_EQUAL;
  return is_explained(recorded, now, contested) ? TARN_COMPARED_DUPLICATES : TARN_COMPARED_DIFFERENT;
}

static void add_comparison(TarnRebuild *rebuild, const TarnTableState *recorded, const TarnTableState *now,
                           const Contested *contested) {
  const char *why = now ? obstacle(rebuild, recorded) : "the project has no such table any more";
  TarnComparison *comparison = g_new0(TarnComparison, 1);
  comparison->table = g_strdup(recorded->table);
  comparison->recorded = recorded->rows;
  comparison->rebuilt = now ? now->rows : 0;
  comparison->result = judge(recorded, now, contested, why);
  if (comparison->result == TARN_COMPARED_DUPLICATES) why = "of duplicates in different partitions another one is kept";
  comparison->why = g_strdup(why);
  g_ptr_array_add(rebuild->report->comparisons, comparison);
}

/* The states of all tables as they are now, kept under the recorded generation's number. */
static GPtrArray *compute_states(TarnRun *run, GError **error) {
  const TarnProject *project = run->options->project;
  g_autoptr(GPtrArray) states = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_table_state_free);
  g_autoptr(GArray) scopes = g_array_new(FALSE, FALSE, sizeof(TarnTableScope));
  const TarnTableScope first[] = {tarn_table_scope(project->config.bronze_table, "bronze"),
                                  tarn_table_scope("tarn.quarantine", "system"),
                                  tarn_table_scope("tarn.duplicates", "system")};
  g_array_append_vals(scopes, first, G_N_ELEMENTS(first));
  for (guint i = 0; i < project->models->len; i++) {
    const TarnModel *model = project->models->pdata[i];
    const TarnTableScope scope = tarn_table_scope(model->name, model->kind == TARN_MODEL_SILVER ? "silver" : "gold");
    g_array_append_val(scopes, scope);
  }
  for (guint i = 0; i < scopes->len; i++) {
    TarnTableState *state = tarn_table_state_compute(run->conn, &g_array_index(scopes, TarnTableScope, i), error);
    if (!state) return NULL;
    g_ptr_array_add(states, state);
    if (!tarn_table_state_save(run->conn, run->options->rebuild->record->generation, state, error)) return NULL;
  }
  return g_steal_pointer(&states);
}

static gboolean check_comparisons(const TarnRebuild *rebuild, GError **error) {
  guint different = 0;
  g_autoptr(GString) names = g_string_new(NULL);
  for (guint i = 0; i < rebuild->report->comparisons->len; i++) {
    const TarnComparison *comparison = rebuild->report->comparisons->pdata[i];
    if (comparison->result != TARN_COMPARED_DIFFERENT) continue;
    g_string_append_printf(names, "%s%s (%" G_GINT64_FORMAT " rows, %" G_GINT64_FORMAT " recorded)",
                           different++ ? ", " : "", comparison->table, comparison->rebuilt, comparison->recorded);
  }
  if (different == 0) return TRUE;
  tarn_error_set(error, TARN_ERROR_AUDIT,
                 "nothing was published; `--from archive` restores the records exactly as they were received",
                 "what was rebuilt is not what generation %" G_GINT64_FORMAT " of the %s held: %s",
                 rebuild->record->generation, rebuild->report->compared_with, names->str);
  return FALSE;
}

static void note_contested(TarnRebuild *rebuild, const Contested *contested) {
  if (contested->different > 0)
    tarn_rebuild_note(rebuild,
                      "%" G_GINT64_FORMAT
                      " records have the key of another one in another partition or file and say something else; "
                      "which of them is kept depends on the order of reading: %s",
                      contested->different, contested->examples);
}

static gboolean compare(TarnRun *run, gpointer argument, gint64 *rows, GError **error) {
  (void)argument, (void)rows;
  TarnRebuild *rebuild = run->options->rebuild;
  Contested contested = {0};
  /* An archive keeps the order of arrival. */
  if (rebuild->options->from == TARN_REBUILD_SOURCE && !count_contested(run, &contested, error)) return FALSE;
  g_autofree char *examples = contested.examples;
  g_autoptr(GPtrArray) states = compute_states(run, error);
  if (!states) return FALSE;
  note_contested(rebuild, &contested);
  for (guint i = 0; i < rebuild->record->tables->len; i++) {
    const TarnTableState *recorded = rebuild->record->tables->pdata[i];
    add_comparison(rebuild, recorded, tarn_table_states_find(states, recorded->table), &contested);
  }
  return check_comparisons(rebuild, error) && tarn_rebuild_record_losses(run, 0, error) &&
         tarn_fault_point("rebuild.compared", error);
}

gboolean tarn_rebuild_compare(TarnRun *run, GError **error) {
  return tarn_run_step(run, "compare", compare, NULL, error);
}
