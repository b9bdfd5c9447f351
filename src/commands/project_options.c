#include "commands/project_options.h"

#include <stdio.h>

static void print_problem(const TarnProblem *problem) {
  fprintf(stderr, "%s", problem->file);
  if (problem->line) fprintf(stderr, ":%u", problem->line);
  if (problem->column) fprintf(stderr, ":%u", problem->column);
  fprintf(stderr, ": %s: %s\n", problem->warning ? "warning" : "error", problem->message);
  if (problem->hint) fprintf(stderr, "  hint: %s\n", problem->hint);
}

TarnProject *tarn_command_load_project(const TarnCliOptions *options, GError **error) {
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_problem_free);
  TarnProject *project = tarn_project_load(options->project_dir, problems, error);
  for (guint i = 0; i < problems->len; i++) print_problem(problems->pdata[i]);
  return project;
}
