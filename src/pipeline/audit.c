#include "pipeline/audit.h"

#include "base/error.h"
#include "lakehouse/rows.h"
#include "lakehouse/sql.h"
#include "lakehouse/system.h"

#define SAMPLE_ROWS 20

static gboolean count_table(TarnConn *conn, const char *name, gint64 *rows, GError **error) {
  g_autofree char *table = tarn_sql_quote_identifier(name);
  g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM %s", table);
  return tarn_conn_query_int(conn, sql, NULL, 0, rows, error);
}

static gboolean count_received(TarnConn *conn, gint64 *received, GError **error) {
  g_autofree char *text = NULL;
  if (!tarn_system_get(conn, "received", &text, error)) return FALSE;
  *received = text ? g_ascii_strtoll(text, NULL, 10) : 0;
  return TRUE;
}

static gboolean conserve_bronze(TarnConn *conn, const TarnProject *project, TarnCounts *counts, GError **error) {
  const TarnValue layer = tarn_value_text("bronze");
  if (!count_received(conn, &counts->received, error) ||
      !count_table(conn, project->config.bronze_table, &counts->bronze, error) ||
      !tarn_conn_query_int(conn, tarn_sql_count_quarantine,
                           (TarnValue[]){layer, tarn_value_text(project->config.bronze_table)}, 2,
                           &counts->bronze_quarantined, error))
    return FALSE;
  if (counts->received == counts->bronze + counts->bronze_quarantined) return TRUE;
  tarn_error_set(error, TARN_ERROR_AUDIT, "this is a fault of Tarn, not of the data: keep the source and report it",
                 "the conservation law is broken: %" G_GINT64_FORMAT " received, but %" G_GINT64_FORMAT
                 " bronze + %" G_GINT64_FORMAT " quarantined",
                 counts->received, counts->bronze, counts->bronze_quarantined);
  return FALSE;
}

static gboolean conserve_silver(TarnConn *conn, const TarnModel *model, gint64 bronze, TarnCounts *counts,
                                GError **error) {
  const TarnValue table = tarn_value_text(model->name);
  gint64 silver, quarantined, duplicates;
  if (!count_table(conn, model->name, &silver, error) ||
      !tarn_conn_query_int(conn, tarn_sql_count_quarantine, (TarnValue[]){tarn_value_text("silver"), table}, 2,
                           &quarantined, error) ||
      !tarn_conn_query_int(conn, tarn_sql_count_duplicates, &table, 1, &duplicates, error))
    return FALSE;
  counts->silver += silver;
  counts->silver_quarantined += quarantined;
  counts->duplicates += duplicates;
  if (bronze == silver + quarantined + duplicates) return TRUE;
  tarn_error_set(error, TARN_ERROR_AUDIT, "this is a fault of Tarn, not of the data: report it with the model's SQL",
                 "the conservation law is broken for %s: %" G_GINT64_FORMAT " bronze, but %" G_GINT64_FORMAT
                 " silver + %" G_GINT64_FORMAT " quarantined + %" G_GINT64_FORMAT " duplicates",
                 model->name, bronze, silver, quarantined, duplicates);
  return FALSE;
}

gboolean tarn_audit_conservation(TarnConn *conn, const TarnProject *project, TarnCounts *counts, GError **error) {
  TarnCounts found = {0};
  if (!conserve_bronze(conn, project, &found, error)) return FALSE;
  for (guint i = 0; i < project->models->len; i++) {
    const TarnModel *model = project->models->pdata[i];
    gint64 rows = 0;
    gboolean silver = model->kind == TARN_MODEL_SILVER;
    if (silver ? !conserve_silver(conn, model, found.bronze, &found, error)
               : !count_table(conn, model->name, &rows, error))
      return FALSE;
    found.gold += rows;
  }
  *counts = found;
  return TRUE;
}

/* The first rows that break a rule, as a JSON array. */
static char *sample_rows(TarnConn *conn, const TarnCheck *check, GError **error) {
  g_autofree char *sql = tarn_sql_fill(tarn_sql_check_sample, "check", check->sql, NULL);
  const TarnValue limit = tarn_value_int(SAMPLE_ROWS);
  g_autoptr(TarnResult) result = tarn_conn_query(conn, sql, &limit, 1, error);
  g_autoptr(TarnRows) rows = result ? tarn_rows_new(result, error) : NULL;
  if (!rows) return NULL;
  g_autoptr(GString) text = g_string_new(NULL);
  g_autoptr(GError) fault = NULL;
  TarnJsonWriter json;
  tarn_json_init(&json, text);
  tarn_json_begin_array(&json);
  while (tarn_rows_next(rows, &fault)) tarn_rows_write_json(rows, &json);
  tarn_json_end_array(&json);
  if (!fault) return g_string_free(g_steal_pointer(&text), FALSE);
  g_propagate_error(error, g_steal_pointer(&fault));
  return NULL;
}

static gboolean examine(TarnConn *conn, const TarnCheck *check, gint64 *failures, char **sample, GError **error) {
  g_autofree char *sql = tarn_sql_fill(tarn_sql_check_run, "check", check->sql, NULL);
  *sample = NULL;
  if (!tarn_conn_query_int(conn, sql, NULL, 0, failures, error)) return FALSE;
  return *failures == 0 || (*sample = sample_rows(conn, check, error)) != NULL;
}

static gboolean run_check(TarnConn *conn, const TarnCheck *check, TarnRunReport *report, GError **error) {
  g_autoptr(GError) fault = NULL;
  gint64 failures;
  char *sample;
  if (!examine(conn, check, &failures, &sample, &fault)) {
    tarn_error_set_detail(error, TARN_ERROR_USAGE, tarn_error_detail(fault),
                          "`tarn validate` checks the project without running it", "%s does not run", check->path);
    return FALSE;
  }
  TarnCheckResult *found = g_new0(TarnCheckResult, 1);
  *found =
      (TarnCheckResult){.name = g_strdup(check->name), .warn = check->warn, .failures = failures, .sample = sample};
  g_ptr_array_add(report->checks, found);
  return TRUE;
}

gboolean tarn_audit_checks(TarnConn *conn, const TarnProject *project, TarnRunReport *report, GError **error) {
  g_autoptr(GString) failed = g_string_new(NULL);
  guint failures = 0;
  for (guint i = 0; i < project->checks->len; i++) {
    if (!run_check(conn, project->checks->pdata[i], report, error)) return FALSE;
    const TarnCheckResult *result = report->checks->pdata[report->checks->len - 1];
    if (result->failures == 0 || result->warn) continue;
    failures++;
    g_string_append_printf(failed, "%s%s (%" G_GINT64_FORMAT " rows)", failed->len ? ", " : "", result->name,
                           result->failures);
  }
  if (failures == 0) return TRUE;
  tarn_error_set(
      error, TARN_ERROR_AUDIT,
      "the report (`tarn run --json`, `tarn status`) has the offending rows; readers stay on the generation before",
      "%u check%s failed, nothing was published: %s", failures, failures > 1 ? "s" : "", failed->str);
  return FALSE;
}
