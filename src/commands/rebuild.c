/* `tarn rebuild --from archive|source|kafka|both`: the lakehouse again, from nothing. */
#include "pipeline/rebuild.h"

#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "commands/archive.h"
#include "commands/cli.h"
#include "commands/commands.h"
#include "commands/project_options.h"
#include "commands/rebuild_report.h"
#include "commands/schedule.h"
#include "report/progress.h"

/* What the command line asked for. */
typedef struct {
  TarnCliOptions cli;
  char *from, *archive;
  gboolean replace, accept_loss, final, json;
} RebuildOptions;

static void rebuild_options_clear(RebuildOptions *options) {
  g_free(options->cli.project_dir);
  g_free(options->from);
  g_free(options->archive);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RebuildOptions, rebuild_options_clear)

static const struct {
  const char *word;
  TarnRebuildFrom from;
} origins[] = {{"archive", TARN_REBUILD_ARCHIVE},
               {"source", TARN_REBUILD_SOURCE},
               {"kafka", TARN_REBUILD_SOURCE},
               {"both", TARN_REBUILD_BOTH}};

static gboolean find_origin(const char *word, TarnRebuildFrom *from, GError **error) {
  for (gsize i = 0; word && i < G_N_ELEMENTS(origins); i++) {
    if (!g_str_equal(origins[i].word, word)) continue;
    *from = origins[i].from;
    return TRUE;
  }
  tarn_error_set(error, TARN_ERROR_USAGE,
                 "--from archive (as of the last `tarn archive`), --from source (all that the project's source still "
                 "has; kafka is another word for it), or --from both (the archive, then the source behind it)",
                 word ? "--from %s: there is no such origin" : "say what to rebuild from", word);
  return FALSE;
}

static gboolean parse(int *argc, char ***argv, RebuildOptions *options, GError **error) {
  const GOptionEntry entries[] = {
      {"from", 'f', 0, G_OPTION_ARG_STRING, &options->from, "archive, source (or kafka) or both", "ORIGIN"},
      {"archive", 0, 0, G_OPTION_ARG_FILENAME, &options->archive,
       "the archive's folder instead of archive.folder of tarn.yaml", "DIR"},
      {"replace", 0, 0, G_OPTION_ARG_NONE, &options->replace,
       "something is published: publish the rebuilt lakehouse in its place, once it is audited", NULL},
      {"accept-loss", 0, 0, G_OPTION_ARG_NONE, &options->accept_loss,
       "publish although records are gone for good; the ledger says which", NULL},
      {"final", 0, 0, G_OPTION_ARG_NONE, &options->final, "take an unterminated last line too: the files are complete",
       NULL},
      {"json", 0, 0, G_OPTION_ARG_NONE, &options->json, "print the report as JSON on standard output", NULL},
      {NULL, 0, 0, 0, NULL, NULL, NULL}};
  if (!tarn_cli_parse(
          argc, argv, "rebuild", NULL,
          "Makes the lakehouse from nothing, compares it with what was recorded, audits and publishes it.",
          "Compared are rows and content hash of every table at the recorded positions: those of the archive, or with\n"
          "--from source those of the published file (with --replace), else of an archive that is at hand.\n"
          "Exit codes: 0 published, 2 usage or project, 3 records are gone, 4 not what was recorded or audit failed,\n"
          "5 environment, 75 busy. Nothing is published but with 0. Environment: DB_PATH, TARN_ARCHIVE, "
          "TARN_MEMORY_LIMIT, "
          "TARN_THREADS.\n",
          entries, &options->cli, error))
    return FALSE;
  if (*argc == 1) return TRUE;
  tarn_error_set(error, TARN_ERROR_USAGE, "`tarn rebuild --help` tells the options", "unexpected argument '%s'",
                 (*argv)[1]);
  return FALSE;
}

static TarnProgressStyle progress_style(const RebuildOptions *options) {
  if (options->cli.log_json) return TARN_PROGRESS_JSON;
  if (isatty(STDERR_FILENO)) return TARN_PROGRESS_TERMINAL;
  return options->json ? TARN_PROGRESS_SILENT : TARN_PROGRESS_JSON;
}

static void tell(const RebuildOptions *options, const TarnRunReport *report, const TarnRebuildReport *rebuild) {
  if (!options->json) {
    tarn_command_rebuild_print(report, rebuild);
    return;
  }
  g_autoptr(GString) text = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, text);
  tarn_command_rebuild_write(report, rebuild, &json);
  printf("%s\n", text->str);
}

static gboolean rebuild_project(const RebuildOptions *options, const TarnProject *project,
                                const TarnRebuildOptions *how, GError **error) {
  g_autofree char *database = tarn_project_database_path(project);
  g_autoptr(TarnProgress) progress = tarn_progress_new(stderr, progress_style(options));
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_problem_free);
  g_autoptr(TarnRunReport) report = tarn_run_report_new();
  g_autoptr(TarnRebuildReport) rebuild = tarn_rebuild_report_new();
  TarnRunOptions run = {.project = project,
                        .database_path = database,
                        .final = options->final,
                        .problems = problems,
                        .listener = tarn_progress_listen,
                        .listener_data = progress,
                        .cancellable = tarn_schedule_cancellable()};
  if (!tarn_budget_read(&run.budget, error)) return FALSE;
  gboolean ok = tarn_rebuild(&run, how, report, rebuild, error);
  tarn_progress_summary(progress, report);
  tarn_command_print_problems(problems, &options->cli);
  tell(options, report, rebuild);
  return ok;
}

static gboolean execute(const RebuildOptions *options, GError **error) {
  TarnRebuildOptions how = {.replace = options->replace, .accept_loss = options->accept_loss};
  if (!find_origin(options->from, &how.from, error)) return FALSE;
  g_autoptr(TarnProject) project = tarn_command_load_project(&options->cli, error);
  if (!project) return FALSE;
  g_autoptr(GError) none = NULL;
  g_autofree char *folder = tarn_command_archive_folder(project, options->archive, &none);
  if (!folder && how.from != TARN_REBUILD_SOURCE) {
    g_propagate_error(error, g_steal_pointer(&none));
    return FALSE;
  }
  how.archive = folder;
  return rebuild_project(options, project, &how, error);
}

int tarn_command_rebuild(int argc, char **argv) {
  g_auto(RebuildOptions) options = {0};
  g_autoptr(GError) error = NULL;
  gboolean ok = parse(&argc, &argv, &options, &error) && execute(&options, &error);
  return ok ? 0 : tarn_cli_fail(error);
}
