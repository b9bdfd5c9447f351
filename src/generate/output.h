/* A file that is either written whole or not there: bytes go through a buffer to a temporary file beside the target,
 * which takes the target's name when all is written. "-" is the standard output; a target that exists and is no regular
 * file (a pipe, /dev/null) is written to directly. One thread at a time. */
#pragma once
#include <glib.h>

typedef struct TarnOutput TarnOutput;

/* Creates the parent folder where it is missing. Errors: TARN_ERROR_ENVIRONMENT with the path. */
TarnOutput *tarn_output_open(const char *path, GError **error);
gboolean tarn_output_write(TarnOutput *output, const char *bytes, gsize size, GError **error);
/* Writes what is buffered and puts the file in its place. It survives a crash of the process, not one of the machine.
 */
gboolean tarn_output_commit(TarnOutput *output, GError **error);
/* Closes; what was not committed is removed. NULL is fine. */
void tarn_output_free(TarnOutput *output);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnOutput, tarn_output_free)
