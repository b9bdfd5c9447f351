#include "commands/project_options.h"

#include <stdio.h>

#include "base/json_writer.h"

static void print_json(const TarnProblem *problem) {
  g_autoptr(GString) line = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, line);
  tarn_json_begin_object(&json);
  tarn_json_member_string(&json, "level", problem->warning ? "warning" : "error");
  tarn_json_member_string(&json, "file", problem->file);
  tarn_json_member_int(&json, "line", problem->line);
  tarn_json_member_int(&json, "column", problem->column);
  tarn_json_member_string(&json, "message", problem->message);
  tarn_json_member_string(&json, "hint", problem->hint);
  tarn_json_end_object(&json);
  fprintf(stderr, "%s\n", line->str);
}

static void print_text(const TarnProblem *problem) {
  fprintf(stderr, "%s", problem->file);
  if (problem->line) fprintf(stderr, ":%u", problem->line);
  if (problem->column) fprintf(stderr, ":%u", problem->column);
  fprintf(stderr, ": %s: %s\n", problem->warning ? "warning" : "error", problem->message);
  if (problem->hint) fprintf(stderr, "  hint: %s\n", problem->hint);
}

void tarn_command_print_problems(const GPtrArray *problems, const TarnCliOptions *options) {
  for (guint i = 0; i < problems->len; i++) {
    if (options->log_json)
      print_json(problems->pdata[i]);
    else
      print_text(problems->pdata[i]);
  }
}

TarnProject *tarn_command_load_project(const TarnCliOptions *options, GError **error) {
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func((GDestroyNotify)tarn_problem_free);
  TarnProject *project = tarn_project_load(options->project_dir, problems, error);
  tarn_command_print_problems(problems, options);
  return project;
}
