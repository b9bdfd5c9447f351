#include "project/problem.h"

#include <string.h>

#include "base/error.h"

void tarn_problem_free(TarnProblem *problem) {
  if (!problem) return;
  g_free(problem->file);
  g_free(problem->message);
  g_free(problem->hint);
  g_free(problem);
}

void tarn_problem_add(GPtrArray *problems, const char *file, guint line, guint column, const char *hint,
                      const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *message = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  message[strcspn(message, "\n")] = '\0'; /* the engine's words may quote the SQL */
  TarnProblem problem = {FALSE, g_strdup(file), line, column, message, g_strdup(hint)};
  g_ptr_array_add(problems, g_memdup2(&problem, sizeof problem));
}

gboolean tarn_problems_have_error_in(const GPtrArray *problems, const char *file) {
  for (guint i = 0; i < problems->len; i++) {
    const TarnProblem *problem = problems->pdata[i];
    if (!problem->warning && (!file || g_str_equal(problem->file, file))) return TRUE;
  }
  return FALSE;
}

gboolean tarn_problems_have_error(const GPtrArray *problems) { return tarn_problems_have_error_in(problems, NULL); }

void tarn_problems_sum_up(const GPtrArray *problems, const char *dir, GError **error) {
  guint faults = 0;
  const TarnProblem *first = NULL;
  for (guint i = 0; i < problems->len; i++) {
    const TarnProblem *problem = problems->pdata[i];
    if (problem->warning) continue;
    if (!faults++) first = problem;
  }
  g_autofree char *detail = g_strdup_printf("%s:%u: %s", first->file, first->line, first->message);
  tarn_error_set_detail(error, TARN_ERROR_USAGE, detail, "`tarn validate` lists all of them", "%u fault%s in %s",
                        faults, faults == 1 ? "" : "s", dir);
}
