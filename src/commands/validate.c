/* `tarn validate`: everything that is wrong with a project, at once. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "commands/cli.h"
#include "commands/commands.h"
#include "commands/project_options.h"
#include "project/reference.h"

static gint compare_places(gconstpointer a, gconstpointer b) {
  const TarnProblem *x = *(TarnProblem *const *)a, *y = *(TarnProblem *const *)b;
  int files = strcmp(x->file, y->file);
  if (files != 0) return files;
  return x->line != y->line ? (x->line > y->line) - (x->line < y->line)
                            : (x->column > y->column) - (x->column < y->column);
}

static guint count_errors(const GPtrArray *problems) {
  guint errors = 0;
  for (guint i = 0; i < problems->len; i++) errors += !((TarnProblem *)problems->pdata[i])->warning;
  return errors;
}

static void print_summary(const TarnProject *project) {
  printf("%s is fine: %u models, %u checks, %u endpoints, %u quality rules.\n", project->config.name,
         project->models->len, project->checks->len, project->endpoints->len, project->config.rules->len);
}

static int validate(const TarnCliOptions *options) {
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_problem_free);
  g_autoptr(GError) error = NULL;
  g_autoptr(TarnProject) project = tarn_project_check(options->project_dir, problems, &error);
  guint errors = count_errors(problems), warnings = problems->len - errors;
  g_ptr_array_sort(problems, compare_places);
  tarn_command_print_problems(problems, options);
  if (project) {
    print_summary(project);
    return 0;
  }
  if (errors == 0) return tarn_cli_fail(error);
  if (!options->log_json)
    fprintf(stderr, "%u error%s, %u warning%s\n", errors, errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
  return TARN_ERROR_USAGE;
}

int tarn_command_validate(int argc, char **argv) {
  TarnCliOptions options = {0};
  gboolean reference = FALSE;
  const GOptionEntry entries[] = {
      {"reference", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &reference, "print the reference of all keys", NULL},
      {NULL, 0, 0, 0, NULL, NULL, NULL}};
  g_autoptr(GError) error = NULL;
  if (!tarn_cli_parse(
          &argc, &argv, "validate", NULL, "Checks a project without touching data, and lists everything that is wrong.",
          "Each fault is one line, FILE:LINE:COLUMN: error: MESSAGE, with a hint below where there is one.\n"
          "The exit code is 0 where there is no error, else 2.",
          entries, &options, &error))
    return tarn_cli_fail(error);
  g_autofree char *project_dir = options.project_dir;
  if (reference) {
    g_autofree char *page = tarn_project_reference();
    fputs(page, stdout);
    return 0;
  }
  return validate(&options);
}
