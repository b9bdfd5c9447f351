#include <stdio.h>

#include "base/error.h"
#include "commands/cli.h"
#include "commands/commands.h"
#include "commands/project_options.h"
#include "pipeline/pipeline.h"
#include "report/text.h"

static void print_text(const TarnRunReport *report) {
  for (guint i = 0; i < report->checks->len; i++) {
    const TarnCheckResult *check = report->checks->pdata[i];
    g_autofree char *count = tarn_text_count(check->failures);
    printf("  %-60s %s%s\n", check->name, check->failures ? count : "ok", check->failures ? " differences" : "");
  }
  if (report->status == TARN_RUN_UNCHANGED)
    printf("generation %" G_GINT64_FORMAT " is what its bronze gives (%.1f s)\n", report->generation,
           (double)(report->finished_us - report->started_us) / G_USEC_PER_SEC);
}

static void print_json(const TarnRunReport *report) {
  g_autoptr(GString) text = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, text);
  tarn_json_begin_object(&json);
  tarn_json_member_int(&json, "generation", report->generation);
  tarn_json_member_bool(&json, "ok", report->status == TARN_RUN_UNCHANGED);
  tarn_json_key(&json, "comparisons");
  tarn_json_begin_array(&json);
  for (guint i = 0; i < report->checks->len; i++) {
    const TarnCheckResult *check = report->checks->pdata[i];
    tarn_json_begin_object(&json);
    tarn_json_member_string(&json, "name", check->name);
    tarn_json_member_int(&json, "differences", check->failures);
    tarn_json_end_object(&json);
  }
  tarn_json_end_array(&json);
  tarn_json_end_object(&json);
  printf("%s\n", text->str);
}

static gboolean execute(const TarnCliOptions *cli, gboolean json, GError **error) {
  g_autoptr(TarnProject) project = tarn_command_load_project(cli, error);
  if (!project) return FALSE;
  g_autofree char *database = tarn_project_database_path(project);
  g_autoptr(TarnRunReport) report = tarn_run_report_new();
  TarnRunOptions options = {.project = project, .database_path = database};
  if (!tarn_budget_read(&options.budget, error)) return FALSE;
  gboolean ok = tarn_verify(&options, report, error);
  if (!ok && report->checks->len == 0) return FALSE; /* it came to no comparison */
  if (json)
    print_json(report);
  else
    print_text(report);
  return ok;
}

int tarn_command_verify(int argc, char **argv) {
  TarnCliOptions cli = {0};
  gboolean json = FALSE;
  const GOptionEntry entries[] = {{"json", 0, 0, G_OPTION_ARG_NONE, &json, "print the comparisons as JSON", NULL},
                                  {NULL, 0, 0, 0, NULL, NULL, NULL}};
  g_autoptr(GError) error = NULL;
  gboolean ok =
      tarn_cli_parse(
          &argc, &argv, "verify", NULL,
          "Computes scores, silver and gold of the published file again from its bronze and compares every row.",
          "Exit code 4 where something differs. Nothing is changed.\n", entries, &cli, &error) &&
      execute(&cli, json, &error);
  g_free(cli.project_dir);
  return ok ? 0 : tarn_cli_fail(error);
}
