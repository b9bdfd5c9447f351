/* Where the commands that deal with an archive look for it. */
#pragma once
#include "project/project.h"

/* The folder that was given, else the project's; NULL with *error where there is none. Caller frees. */
char *tarn_command_archive_folder(const TarnProject *project, const char *argument, GError **error);
