/* What every subcommand shares: option parsing with one help style, and the one way in which an error is printed. */
#pragma once
#include <glib.h>

/* Options that several commands have; set by tarn_cli_parse where `with_project` was asked for. */
typedef struct {
  char *project_dir; /* -C DIR, default "." */
  gboolean log_json; /* --log json: errors and progress as JSON lines on standard error */
} TarnCliOptions;

/* Parses argv (removing what it takes); --help prints and exits 0. usage: what stands behind "tarn COMMAND" ("[FILE]" or NULL).
 * FALSE: *error is a TARN_ERROR_USAGE. options may be NULL for commands without a project. */
gboolean tarn_cli_parse(int *argc, char ***argv, const char *command, const char *usage, const char *summary,
                        const char *description, const GOptionEntry *entries, TarnCliOptions *options, GError **error);

/* Prints message, detail and hint on standard error (JSON line after --log json was parsed) and returns the exit code. */
int tarn_cli_fail(const GError *error);
/* The same for a warning: what was wrong, without ending. */
void tarn_cli_warn(const GError *error);
