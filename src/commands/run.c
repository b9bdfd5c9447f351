#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "commands/cli.h"
#include "commands/commands.h"
#include "commands/project_options.h"
#include "commands/schedule.h"
#include "pipeline/pipeline.h"
#include "report/progress.h"

/* What the command line asked for. */
typedef struct {
  TarnCliOptions cli;
  char **from;
  gboolean full_refresh, final, or_keep, resume, plan, json;
  char *every, *until;
  gint64 max_records;
  double max_seconds;
} RunOptions;

static void run_options_clear(RunOptions *options) {
  g_free(options->cli.project_dir);
  g_strfreev(options->from);
  g_free(options->every);
  g_free(options->until);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RunOptions, run_options_clear)

static gboolean parse(int *argc, char ***argv, RunOptions *options, GError **error) {
  const GOptionEntry entries[] = {
      {"from", 'f', 0, G_OPTION_ARG_FILENAME_ARRAY, &options->from,
       "read NDJSON from FILE (or a glob, or - for standard input) instead of the project's source; may be repeated",
       "FILE"},
      {"full-refresh", 0, 0, G_OPTION_ARG_NONE, &options->full_refresh,
       "compute scores, silver and gold again from bronze", NULL},
      {"final", 0, 0, G_OPTION_ARG_NONE, &options->final, "take an unterminated last line too: the files are complete",
       NULL},
      {"or-keep", 0, 0, G_OPTION_ARG_NONE, &options->or_keep,
       "where a generation is published, a failed source, audit or lock is a warning and exit 0", NULL},
      {"resume", 0, 0, G_OPTION_ARG_NONE, &options->resume, "go on after a rollback", NULL},
      {"plan", 0, 0, G_OPTION_ARG_NONE, &options->plan, "say what would be done and why, and do nothing", NULL},
      {"every", 0, 0, G_OPTION_ARG_STRING, &options->every,
       "stay and run again after this time (30s, 15m, 1h; at least publish.min_interval), with a little jitter",
       "TIME"},
      {"until", 0, 0, G_OPTION_ARG_STRING, &options->until,
       "Kafka: read to the end that the topics have when the run begins: now (the default, and all there is)", "now"},
      {"max-records", 0, 0, G_OPTION_ARG_INT64, &options->max_records, "Kafka: or read at most N records", "N"},
      {"max-seconds", 0, 0, G_OPTION_ARG_DOUBLE, &options->max_seconds, "Kafka: or read at most so long", "S"},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options->json, "print the run's report as JSON on standard output", NULL},
      {NULL, 0, 0, 0, NULL, NULL, NULL}};
  if (!tarn_cli_parse(
          argc, argv, "run", "[FILE...]",
          "Reads what is new, builds bronze, silver and gold, audits and publishes them as one generation.",
          "Exit codes: 0 published or nothing new, 2 usage or project, 3 source, 4 audit failed (nothing published),\n"
          "5 environment, 75 busy. Environment: DB_PATH, KAFKA_BROKERS, KAFKA_TOPIC, "
          "TARN_MEMORY_LIMIT,\nTARN_THREADS.\n",
          entries, &options->cli, error))
    return FALSE;
  if (options->until && !g_str_equal(options->until, "now")) {
    tarn_error_set(error, TARN_ERROR_USAGE, "write --until now, --max-records N or --max-seconds S",
                   "--until '%s' is not understood", options->until);
    return FALSE;
  }
  if (options->max_records < 0 || options->max_seconds < 0) {
    tarn_error_set(error, TARN_ERROR_USAGE, "give a number above 0", "a run cannot read less than nothing");
    return FALSE;
  }
  if (*argc > 1) {
    if (options->from) {
      tarn_error_set(error, TARN_ERROR_USAGE, "give every file by --from, or every file as an argument",
                     "files both by --from and as arguments");
      return FALSE;
    }
    options->from = g_strdupv(*argv + 1);
  }
  return TRUE;
}

static void print_json(const TarnRunReport *report) {
  g_autofree char *text = tarn_run_report_to_json(report);
  printf("%s\n", text);
  fflush(stdout);
}

static TarnProgressStyle progress_style(const RunOptions *options) {
  if (options->cli.log_json) return TARN_PROGRESS_JSON;
  if (isatty(STDERR_FILENO)) return TARN_PROGRESS_TERMINAL;
  return options->json ? TARN_PROGRESS_SILENT : TARN_PROGRESS_JSON;
}

/* A failure that leaves a good generation in place may be taken for success. */
static gboolean may_keep(const RunOptions *options, const char *database, const GError *fault) {
  int code = tarn_error_exit_code(fault);
  gboolean soft = code == TARN_ERROR_SOURCE || code == TARN_ERROR_AUDIT || code == TARN_ERROR_BUSY;
  return options->or_keep && soft && g_file_test(database, G_FILE_TEST_EXISTS);
}

/* One run; *fault is what went wrong. Returns the exit code. */
static int run_once(const RunOptions *options, TarnRunOptions *run, GError **fault) {
  g_autoptr(TarnProgress) progress = tarn_progress_new(stderr, progress_style(options));
  g_autoptr(TarnRunReport) report = tarn_run_report_new();
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_problem_free);
  run->problems = problems;
  run->listener = tarn_progress_listen;
  run->listener_data = progress;
  g_autoptr(GError) error = NULL;
  gboolean ok = options->plan ? tarn_run_plan(run, report, &error) : tarn_run(run, report, &error);
  tarn_progress_summary(progress, report);
  tarn_command_print_problems(problems, &options->cli);
  if (options->json) print_json(report);
  if (ok) return 0;
  if (may_keep(options, run->database_path, error)) {
    tarn_cli_warn(error);
    fprintf(stderr, "  the published generation stays (--or-keep)\n");
    return 0;
  }
  int code = tarn_error_exit_code(error);
  g_propagate_error(fault, g_steal_pointer(&error));
  return code;
}

typedef struct {
  const RunOptions *options;
  TarnRunOptions *run;
} Scheduled;

/* A failed run of a schedule is told and tried again at the next time; a fault of the project ends it. */
static gboolean run_scheduled(gpointer user, GError **error) {
  Scheduled *scheduled = user;
  g_autoptr(GError) fault = NULL;
  int code = run_once(scheduled->options, scheduled->run, &fault);
  scheduled->run->resume = FALSE;
  if (code == 0) return TRUE;
  if (code == TARN_ERROR_USAGE || code == TARN_ERROR_INTERNAL) {
    g_propagate_error(error, g_steal_pointer(&fault));
    return FALSE;
  }
  if (!g_cancellable_is_cancelled(scheduled->run->cancellable)) tarn_cli_warn(fault);
  return TRUE;
}

static int execute(const RunOptions *options, GError **error) {
  g_autoptr(TarnProject) project = tarn_command_load_project(&options->cli, error);
  if (!project) return 0;
  g_autofree char *database = tarn_project_database_path(project);
  TarnRunOptions run = {.project = project,
                        .database_path = database,
                        .from = (const char *const *)options->from,
                        .full_refresh = options->full_refresh,
                        .final = options->final,
                        .resume = options->resume,
                        .max_records = options->max_records,
                        .max_us = (gint64)(options->max_seconds * G_USEC_PER_SEC)};
  if (!tarn_budget_read(&run.budget, error)) return 0;
  run.cancellable = tarn_schedule_cancellable();
  if (!options->every) return run_once(options, &run, error);
  gint64 period;
  if (!tarn_parse_duration(options->every, &period, error)) {
    g_prefix_error(error, "--every: ");
    return 0;
  }
  Scheduled scheduled = {options, &run};
  tarn_schedule(run.cancellable, MAX(period, project->config.min_interval_us), run_scheduled, &scheduled, error);
  return 0;
}

int tarn_command_run(int argc, char **argv) {
  g_auto(RunOptions) options = {0};
  g_autoptr(GError) error = NULL;
  int code = parse(&argc, &argv, &options, &error) ? execute(&options, &error) : 0;
  return error ? tarn_cli_fail(error) : code;
}
