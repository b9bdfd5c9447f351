#include "lakehouse/ledger.h"

#include <string.h>

#include "lakehouse/sql.h"

void tarn_counts_add(TarnCounts *total, const TarnCounts *more) {
  total->received += more->received;
  total->bronze += more->bronze;
  total->bronze_quarantined += more->bronze_quarantined;
  total->silver += more->silver;
  total->silver_quarantined += more->silver_quarantined;
  total->duplicates += more->duplicates;
  total->gold += more->gold;
}

static void step_free(gpointer data) {
  TarnStep *step = data;
  g_free(step->name);
  g_free(step);
}

static void change_free(gpointer data) {
  TarnChange *change = data;
  g_free(change->object);
  g_free(change->what);
  g_free(change->action);
  g_free(change);
}

static void check_free(gpointer data) {
  TarnCheckResult *check = data;
  g_free(check->name);
  g_free(check->sample);
  g_free(check);
}

static void reason_free(gpointer data) {
  TarnReasonCount *reason = data;
  g_free(reason->name);
  g_free(reason);
}

TarnRunReport *tarn_run_report_new(void) {
  TarnRunReport *report = g_new0(TarnRunReport, 1);
  report->run_id = g_uuid_string_random();
  report->started_us = g_get_real_time();
  report->steps = g_ptr_array_new_with_free_func(step_free);
  report->changes = g_ptr_array_new_with_free_func(change_free);
  report->checks = g_ptr_array_new_with_free_func(check_free);
  report->quality_reasons = g_ptr_array_new_with_free_func(reason_free);
  return report;
}

void tarn_run_report_free(TarnRunReport *report) {
  if (!report) return;
  g_free(report->run_id);
  g_ptr_array_unref(report->steps);
  g_ptr_array_unref(report->changes);
  g_ptr_array_unref(report->checks);
  g_ptr_array_unref(report->quality_reasons);
  g_free(report->database);
  g_free(report->error);
  g_free(report->hint);
  g_free(report);
}

const char *tarn_run_status_name(TarnRunStatus status) {
  static const char *const names[] = {[TARN_RUN_UNCHANGED] = "unchanged",
                                      [TARN_RUN_PUBLISHED] = "published",
                                      [TARN_RUN_FAILED] = "failed",
                                      [TARN_RUN_PLANNED] = "planned"};
  return names[status];
}

void tarn_run_report_add_change(TarnRunReport *report, const char *object, const char *action, const char *format,
                                ...) {
  va_list args;
  va_start(args, format);
  TarnChange *change = g_new0(TarnChange, 1);
  change->object = g_strdup(object);
  change->what = g_strdup_vprintf(format, args);
  change->action = g_strdup(action);
  va_end(args);
  g_ptr_array_add(report->changes, change);
}

static const struct {
  const char *name;
  gsize offset;
} count_fields[] = {
    {"received", G_STRUCT_OFFSET(TarnCounts, received)},
    {"bronze", G_STRUCT_OFFSET(TarnCounts, bronze)},
    {"bronze_quarantined", G_STRUCT_OFFSET(TarnCounts, bronze_quarantined)},
    {"silver", G_STRUCT_OFFSET(TarnCounts, silver)},
    {"silver_quarantined", G_STRUCT_OFFSET(TarnCounts, silver_quarantined)},
    {"duplicates", G_STRUCT_OFFSET(TarnCounts, duplicates)},
    {"gold", G_STRUCT_OFFSET(TarnCounts, gold)},
};

static void write_counts(TarnJsonWriter *json, const char *key, const TarnCounts *counts) {
  tarn_json_key(json, key);
  tarn_json_begin_object(json);
  for (gsize i = 0; i < G_N_ELEMENTS(count_fields); i++)
    tarn_json_member_int(json, count_fields[i].name, G_STRUCT_MEMBER(gint64, counts, count_fields[i].offset));
  tarn_json_end_object(json);
}

static void write_time(TarnJsonWriter *json, const char *key, gint64 microseconds) {
  g_autoptr(GDateTime) seconds = g_date_time_new_from_unix_utc(microseconds / G_USEC_PER_SEC);
  g_autofree char *head = g_date_time_format(seconds, "%Y-%m-%dT%H:%M:%S");
  g_autofree char *text = g_strdup_printf("%s.%03dZ", head, (int)(microseconds / 1000 % 1000));
  tarn_json_member_string(json, key, text);
}

static void write_steps(TarnJsonWriter *json, const GPtrArray *steps) {
  tarn_json_key(json, "steps");
  tarn_json_begin_array(json);
  for (guint i = 0; i < steps->len; i++) {
    const TarnStep *step = steps->pdata[i];
    tarn_json_begin_object(json);
    tarn_json_member_string(json, "name", step->name);
    tarn_json_member_int(json, "milliseconds", step->milliseconds);
    if (step->rows >= 0) tarn_json_member_int(json, "rows", step->rows);
    if (step->attempts > 1) tarn_json_member_int(json, "attempts", step->attempts);
    tarn_json_end_object(json);
  }
  tarn_json_end_array(json);
}

static void write_changes(TarnJsonWriter *json, const GPtrArray *changes) {
  tarn_json_key(json, "changes");
  tarn_json_begin_array(json);
  for (guint i = 0; i < changes->len; i++) {
    const TarnChange *change = changes->pdata[i];
    tarn_json_begin_object(json);
    tarn_json_member_string(json, "object", change->object);
    tarn_json_member_string(json, "what", change->what);
    if (change->action) tarn_json_member_string(json, "action", change->action);
    tarn_json_end_object(json);
  }
  tarn_json_end_array(json);
}

static void write_checks(TarnJsonWriter *json, const GPtrArray *checks) {
  tarn_json_key(json, "checks");
  tarn_json_begin_array(json);
  for (guint i = 0; i < checks->len; i++) {
    const TarnCheckResult *check = checks->pdata[i];
    tarn_json_begin_object(json);
    tarn_json_member_string(json, "name", check->name);
    tarn_json_member_string(json, "severity", check->warn ? "warn" : "error");
    tarn_json_member_int(json, "failures", check->failures);
    if (check->sample) {
      tarn_json_key(json, "sample");
      tarn_json_raw(json, check->sample, strlen(check->sample));
    }
    tarn_json_end_object(json);
  }
  tarn_json_end_array(json);
}

void tarn_run_report_write(const TarnRunReport *report, TarnJsonWriter *json) {
  tarn_json_begin_object(json);
  tarn_json_member_string(json, "run_id", report->run_id);
  tarn_json_member_string(json, "status", tarn_run_status_name(report->status));
  tarn_json_member_bool(json, "published", report->status == TARN_RUN_PUBLISHED);
  tarn_json_member_int(json, "generation", report->generation);
  tarn_json_member_string(json, "database", report->database);
  write_time(json, "started_at", report->started_us);
  write_time(json, "finished_at", report->finished_us);
  tarn_json_member_int(json, "milliseconds", (report->finished_us - report->started_us) / 1000);
  write_counts(json, "counts", &report->counts);
  write_counts(json, "run_counts", &report->run_counts);
  tarn_json_key(json, "quality_reasons");
  tarn_json_begin_object(json);
  for (guint i = 0; i < report->quality_reasons->len; i++) {
    const TarnReasonCount *reason = report->quality_reasons->pdata[i];
    tarn_json_member_int(json, reason->name, reason->count);
  }
  tarn_json_end_object(json);
  tarn_json_member_int(json, "pending_bytes", report->pending_bytes);
  write_changes(json, report->changes);
  write_checks(json, report->checks);
  write_steps(json, report->steps);
  if (report->error) tarn_json_member_string(json, "error", report->error);
  if (report->hint) tarn_json_member_string(json, "hint", report->hint);
  tarn_json_end_object(json);
}

char *tarn_run_report_to_json(const TarnRunReport *report) {
  g_autoptr(GString) text = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, text);
  tarn_run_report_write(report, &json);
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean add_steps(TarnConn *conn, const TarnRunReport *report, GError **error) {
  for (guint i = 0; i < report->steps->len; i++) {
    const TarnStep *step = report->steps->pdata[i];
    const TarnValue values[] = {tarn_value_text(report->run_id),  tarn_value_text(step->name),
                                tarn_value_int(step->started_us), tarn_value_int(step->milliseconds),
                                tarn_value_int(step->rows),       tarn_value_int(step->attempts)};
    if (!tarn_conn_run(conn, tarn_sql_ledger_add_step, values, G_N_ELEMENTS(values), NULL, error)) return FALSE;
  }
  return TRUE;
}

gboolean tarn_ledger_add_run(TarnConn *conn, const TarnRunReport *report, GError **error) {
  g_autofree char *text = tarn_run_report_to_json(report);
  const TarnCounts *counts = &report->counts;
  const TarnValue values[] = {tarn_value_text(report->run_id),
                              tarn_value_int(report->generation),
                              tarn_value_int(report->started_us),
                              tarn_value_int(report->finished_us),
                              tarn_value_text(tarn_run_status_name(report->status)),
                              tarn_value_int(counts->received),
                              tarn_value_int(counts->bronze),
                              tarn_value_int(counts->bronze_quarantined),
                              tarn_value_int(counts->silver),
                              tarn_value_int(counts->silver_quarantined),
                              tarn_value_int(counts->duplicates),
                              tarn_value_int(counts->gold),
                              tarn_value_text(text)};
  if (!tarn_conn_run(conn, tarn_sql_ledger_add_run, values, G_N_ELEMENTS(values), NULL, error)) return FALSE;
  return add_steps(conn, report, error);
}

gboolean tarn_ledger_last_counts(TarnConn *conn, TarnCounts *counts, GError **error) {
  g_autoptr(TarnResult) result = tarn_conn_query(conn, tarn_sql_ledger_last_counts, NULL, 0, error);
  if (!result) return FALSE;
  TarnCounts found = {0};
  if (tarn_result_rows(result) > 0)
    for (guint i = 0; i < G_N_ELEMENTS(count_fields); i++)
      G_STRUCT_MEMBER(gint64, &found, count_fields[i].offset) = tarn_result_int(result, 0, i);
  *counts = found;
  return TRUE;
}
