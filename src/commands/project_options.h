/* How a subcommand gets its project: loaded from the folder of -C, with everything that is wrong with it printed. */
#pragma once
#include "commands/cli.h"
#include "project/project.h"

/* NULL with *error; problems, warnings too, are printed on standard error. */
TarnProject *tarn_command_load_project(const TarnCliOptions *options, GError **error);

/* Problems on standard error, one line and a hint each; JSON lines with --log json. */
void tarn_command_print_problems(const GPtrArray *problems, const TarnCliOptions *options);
