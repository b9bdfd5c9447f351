/* `tarn quarantine replay`: the one verb that writes. A run whose input is the quarantine. */
#include <stdio.h>
#include <unistd.h>

#include "commands/cli.h"
#include "commands/commands.h"
#include "commands/project_options.h"
#include "pipeline/pipeline.h"
#include "report/progress.h"
#include "report/text.h"

static gboolean replay(const TarnCliOptions *cli, gboolean json, GError **error) {
  g_autoptr(TarnProject) project = tarn_command_load_project(cli, error);
  if (!project) return FALSE;
  g_autofree char *database = tarn_project_database_path(project);
  TarnProgressStyle style = cli->log_json ? TARN_PROGRESS_JSON : isatty(STDERR_FILENO) ? TARN_PROGRESS_TERMINAL : TARN_PROGRESS_SILENT;
  g_autoptr(TarnProgress) progress = tarn_progress_new(stderr, style);
  g_autoptr(TarnRunReport) report = tarn_run_report_new();
  TarnRunOptions options = {.project = project, .database_path = database, .replay = TRUE, .listener = tarn_progress_listen, .listener_data = progress};
  if (!tarn_budget_read(&options.budget, error)) return FALSE;
  gboolean ok = tarn_run(&options, report, error);
  tarn_progress_summary(progress, report);
  if (json) {
    g_autoptr(GString) text = g_string_new(NULL);
    TarnJsonWriter writer;
    tarn_json_init(&writer, text);
    tarn_run_report_write(report, &writer);
    printf("%s\n", text->str);
  } else if (ok) {
    g_autofree char *taken = tarn_text_count(report->run_counts.bronze), *left = tarn_text_count(report->counts.bronze_quarantined);
    printf("%s record%s left bronze quarantine, %s stay\n", taken, report->run_counts.bronze == 1 ? "" : "s", left);
  }
  return ok;
}

int tarn_command_quarantine_replay(int argc, char **argv) {
  TarnCliOptions cli = {0};
  gboolean json = FALSE;
  const GOptionEntry entries[] = {{"json", 0, 0, G_OPTION_ARG_NONE, &json, "print the run's report as JSON", NULL}, {NULL, 0, 0, 0, NULL, NULL, NULL}};
  g_autoptr(GError) error = NULL;
  gboolean ok = tarn_cli_parse(&argc, &argv, "quarantine replay", NULL, "Offers the records of bronze quarantine again, after a limit of the project changed, and publishes what came of it.",
                               "Rejects of silver need no replay: any run whose model or rules changed looks at them again.\n", entries, &cli, &error) &&
                replay(&cli, json, &error);
  g_free(cli.project_dir);
  return ok ? 0 : tarn_cli_fail(error);
}
