/* The one error that stands for a list of problems. */
#pragma once
#include "project/project.h"

/* "3 faults in /x/telecom", its detail the first one. The list holds an error. */
void tarn_problems_sum_up(const GPtrArray *problems, const char *dir, GError **error);

gboolean tarn_problems_have_error_in(const GPtrArray *problems, const char *file);
