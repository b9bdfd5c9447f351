/* `tarn quarantine replay`: the one verb that writes. A run whose input is the quarantine. */
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "commands/project_options.h"
#include "commands/quarantine.h"
#include "pipeline/pipeline.h"
#include "report/progress.h"
#include "report/text.h"

static void print_json(const TarnRunReport *report) {
  g_autofree char *text = tarn_run_report_to_json(report);
  printf("%s\n", text);
}

static void print_text(const TarnRunReport *report) {
  g_autofree char *taken = tarn_text_count(report->run_counts.bronze),
                  *left = tarn_text_count(report->counts.bronze_quarantined);
  printf("%s record%s left bronze quarantine, %s stay\n", taken, report->run_counts.bronze == 1 ? "" : "s", left);
}

static gboolean chooses(const TarnQuarantineRequest *request) {
  return request->layer || request->reason || request->limit >= 0 || request->to || request->raw;
}

gboolean tarn_quarantine_replay(const TarnQuarantineRequest *request, GError **error) {
  if (chooses(request)) {
    tarn_error_set(error, TARN_ERROR_USAGE, "leave --layer, --reason, --limit, --to and --raw out",
                   "replay offers all of bronze quarantine again");
    return FALSE;
  }
  const TarnCliOptions *cli = &request->cli;
  g_autoptr(TarnProject) project = tarn_command_load_project(cli, error);
  if (!project) return FALSE;
  g_autofree char *database = tarn_project_database_path(project);
  TarnProgressStyle style = cli->log_json           ? TARN_PROGRESS_JSON
                            : isatty(STDERR_FILENO) ? TARN_PROGRESS_TERMINAL
                                                    : TARN_PROGRESS_SILENT;
  g_autoptr(TarnProgress) progress = tarn_progress_new(stderr, style);
  g_autoptr(TarnRunReport) report = tarn_run_report_new();
  TarnRunOptions options = {.project = project,
                            .database_path = database,
                            .replay = TRUE,
                            .listener = tarn_progress_listen,
                            .listener_data = progress};
  if (!tarn_budget_read(&options.budget, error)) return FALSE;
  gboolean ok = tarn_run(&options, report, error);
  tarn_progress_summary(progress, report);
  if (request->json)
    print_json(report);
  else if (ok)
    print_text(report);
  return ok;
}
