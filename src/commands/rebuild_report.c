#include "commands/rebuild_report.h"

#include <stdio.h>

#include "report/text.h"

/* By TarnComparedAs: for machines, for people. */
static const struct {
  const char *name, *words;
} results[] = {[TARN_COMPARED_EQUAL] = {"equal", "equal"},
               [TARN_COMPARED_DUPLICATES] = {"other_duplicates", "other duplicates kept"},
               [TARN_COMPARED_DIFFERENT] = {"different", "DIFFERENT"},
               [TARN_COMPARED_NOT] = {"not_compared", "not compared"}};

static void write_comparisons(const GPtrArray *comparisons, TarnJsonWriter *json) {
  tarn_json_key(json, "comparisons");
  tarn_json_begin_array(json);
  for (guint i = 0; i < comparisons->len; i++) {
    const TarnComparison *comparison = comparisons->pdata[i];
    tarn_json_begin_object(json);
    tarn_json_member_string(json, "table", comparison->table);
    tarn_json_member_int(json, "recorded", comparison->recorded);
    tarn_json_member_int(json, "rebuilt", comparison->rebuilt);
    tarn_json_member_string(json, "result", results[comparison->result].name);
    tarn_json_member_string(json, "why", comparison->why);
    tarn_json_end_object(json);
  }
  tarn_json_end_array(json);
}

static void write_losses(const GPtrArray *losses, TarnJsonWriter *json) {
  tarn_json_key(json, "losses");
  tarn_json_begin_array(json);
  for (guint i = 0; i < losses->len; i++) {
    const TarnLoss *loss = losses->pdata[i];
    tarn_json_begin_object(json);
    tarn_json_member_string(json, "source_name", loss->source_name);
    tarn_json_member_int(json, "partition", loss->partition);
    tarn_json_member_int(json, "first_offset", loss->first_offset);
    tarn_json_member_int(json, "last_offset", loss->last_offset);
    tarn_json_key(json, "records");
    if (loss->records < 0)
      tarn_json_null(json);
    else
      tarn_json_int(json, loss->records);
    tarn_json_member_string(json, "why", loss->why);
    tarn_json_end_object(json);
  }
  tarn_json_end_array(json);
}

void tarn_command_rebuild_write(const TarnRunReport *report, const TarnRebuildReport *rebuild, TarnJsonWriter *json) {
  tarn_json_begin_object(json);
  tarn_json_member_int(json, "archive", rebuild->archive_number);
  tarn_json_key(json, "restored");
  tarn_json_begin_object(json);
  tarn_json_member_int(json, "bronze", rebuild->restored[0]);
  tarn_json_member_int(json, "quarantine", rebuild->restored[1]);
  tarn_json_end_object(json);
  tarn_json_member_int(json, "read", rebuild->read);
  tarn_json_member_string(json, "compared_with", rebuild->compared_with);
  tarn_json_member_int(json, "recorded_generation", rebuild->recorded_generation);
  write_comparisons(rebuild->comparisons, json);
  write_losses(rebuild->losses, json);
  tarn_json_key(json, "notes");
  tarn_json_begin_array(json);
  for (guint i = 0; i < rebuild->notes->len; i++) tarn_json_string(json, rebuild->notes->pdata[i]);
  tarn_json_end_array(json);
  tarn_json_key(json, "run");
  tarn_run_report_write(report, json);
  tarn_json_end_object(json);
}

static void print_comparison(const TarnComparison *comparison) {
  g_autofree char *recorded = tarn_text_count(comparison->recorded), *rebuilt = tarn_text_count(comparison->rebuilt);
  printf("  %-34s %12s rows recorded  %12s rebuilt  %s%s%s\n", comparison->table, recorded, rebuilt,
         results[comparison->result].words, comparison->why ? ": " : "", comparison->why ? comparison->why : "");
}

static void print_loss(const TarnLoss *loss) {
  g_autofree char *records = loss->records < 0 ? g_strdup("an unknown number of") : tarn_text_count(loss->records);
  printf("  lost: %s records of %s, partition %" G_GINT64_FORMAT ", offsets %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
         ": %s\n",
         records, loss->source_name, loss->partition, loss->first_offset, loss->last_offset, loss->why);
}

void tarn_command_rebuild_print(const TarnRunReport *report, const TarnRebuildReport *rebuild) {
  if (rebuild->compared_with)
    printf("compared with generation %" G_GINT64_FORMAT " of the %s, at its positions:\n", rebuild->recorded_generation,
           rebuild->compared_with);
  for (guint i = 0; i < rebuild->comparisons->len; i++) print_comparison(rebuild->comparisons->pdata[i]);
  for (guint i = 0; i < rebuild->losses->len; i++) print_loss(rebuild->losses->pdata[i]);
  for (guint i = 0; i < rebuild->notes->len; i++) printf("  note: %s\n", (char *)rebuild->notes->pdata[i]);
  if (report->status != TARN_RUN_PUBLISHED) return;
  g_autofree char *bronze = tarn_text_count(rebuild->restored[0]), *quarantine = tarn_text_count(rebuild->restored[1]);
  g_autofree char *read = tarn_text_count(rebuild->read);
  printf("rebuilt: %s bronze and %s quarantined rows of the archive, %s records of the source\n", bronze, quarantine,
         read);
}
