#include "report/text.h"

#include <string.h>

char *tarn_text_count(gint64 value) {
  g_autofree char *digits = g_strdup_printf("%" G_GUINT64_FORMAT, (guint64)(value < 0 ? -value : value));
  gsize n = strlen(digits);
  GString *out = g_string_new(value < 0 ? "-" : "");
  for (gsize i = 0; i < n; i++) {
    if (i > 0 && (n - i) % 3 == 0) g_string_append_c(out, ',');
    g_string_append_c(out, digits[i]);
  }
  return g_string_free(out, FALSE);
}

static void append_account(GString *out, const char *title, const TarnCounts *counts) {
  const struct {
    const char *name;
    gint64 value;
  } parts[] = {{"received", counts->received},
               {"bronze", counts->bronze},
               {"quarantined", counts->bronze_quarantined + counts->silver_quarantined},
               {"silver", counts->silver},
               {"duplicates", counts->duplicates},
               {"gold", counts->gold}};
  g_string_append_printf(out, "  %-9s", title);
  for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
    g_autofree char *number = tarn_text_count(parts[i].value);
    g_string_append_printf(out, "%s %s %s", i ? "," : "", number, parts[i].name);
  }
  g_string_append_c(out, '\n');
}

static void append_changes(GString *out, const GPtrArray *changes) {
  for (guint i = 0; i < changes->len; i++) {
    const TarnChange *change = changes->pdata[i];
    g_string_append_printf(out, "  %s: %s%s%s\n", change->object, change->what, change->action ? ", " : "",
                           change->action ? change->action : "");
  }
}

static void append_checks(GString *out, const GPtrArray *checks) {
  for (guint i = 0; i < checks->len; i++) {
    const TarnCheckResult *check = checks->pdata[i];
    if (check->failures == 0) continue;
    g_autofree char *rows = tarn_text_count(check->failures);
    g_string_append_printf(out, "  check %s: %s row%s %s", check->name, rows, check->failures == 1 ? "" : "s",
                           check->warn ? "(warning)" : "(error)");
    if (check->sample)
      g_string_append_printf(out, ", for instance %.200s%s", check->sample, strlen(check->sample) > 200 ? " ..." : "");
    g_string_append_c(out, '\n');
  }
}

char *tarn_text_report(const TarnRunReport *report) {
  GString *out = g_string_new(NULL);
  double seconds = (double)(report->finished_us - report->started_us) / G_USEC_PER_SEC;
  append_changes(out, report->changes);
  append_checks(out, report->checks);
  if (report->status == TARN_RUN_PUBLISHED) {
    append_account(out, "this run", &report->run_counts);
    append_account(out, "in all", &report->counts);
    g_string_append_printf(out, "published generation %" G_GINT64_FORMAT " in %.2f s: %s\n", report->generation,
                           seconds, report->database);
  } else if (report->status == TARN_RUN_UNCHANGED) {
    g_string_append_printf(out, "nothing new: generation %" G_GINT64_FORMAT " stays as it is (%.2f s)\n",
                           report->generation, seconds);
  } else if (report->status == TARN_RUN_PLANNED) {
    g_string_append(out, "nothing was done: `tarn run` does it\n");
  }
  if (report->pending_bytes > 0) {
    g_autofree char *bytes = tarn_text_count(report->pending_bytes);
    g_string_append_printf(out, "  %s bytes of an unfinished last line wait for its end; --final takes them now\n",
                           bytes);
  }
  return g_string_free(out, FALSE);
}
