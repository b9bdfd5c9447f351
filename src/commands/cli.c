#include "commands/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json_writer.h"

static gboolean errors_as_json = FALSE; /* set once while the command line is parsed */

static gboolean parse_log_format(const char *name, const char *value, gpointer data, GError **error) {
  TarnCliOptions *options = data;
  gboolean json = g_str_equal(value, "json");
  if (!json && !g_str_equal(value, "text")) {
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: '%s' is neither text nor json", name, value);
    return FALSE;
  }
  options->log_json = errors_as_json = json;
  return TRUE;
}

gboolean tarn_cli_parse(int *argc, char ***argv, const char *command, const char *usage, const char *summary,
                        const char *description, const GOptionEntry *entries, TarnCliOptions *options, GError **error) {
  g_autofree char *program = g_strdup_printf("tarn %s", command);
  g_set_prgname(program);
  g_autoptr(GOptionContext) context = g_option_context_new(usage);
  g_option_context_set_summary(context, summary);
  if (description) g_option_context_set_description(context, description);
  GOptionGroup *group = g_option_group_new("main", "", "", options, NULL);
  if (entries) g_option_group_add_entries(group, entries);
  if (options) {
    const GOptionEntry shared[] = {{"project", 'C', 0, G_OPTION_ARG_FILENAME, &options->project_dir,
                                    "the project's folder (default: this folder)", "DIR"},
                                   {"log", 0, 0, G_OPTION_ARG_CALLBACK, (gpointer)parse_log_format,
                                    "how progress and errors are written on standard error: text or json", "FORMAT"},
                                   {NULL, 0, 0, 0, NULL, NULL, NULL}};
    g_option_group_add_entries(group, shared);
  }
  g_option_context_set_main_group(context, group);
  g_autoptr(GError) fault = NULL;
  if (!g_option_context_parse(context, argc, argv, &fault)) {
    g_autofree char *hint = g_strdup_printf("`tarn %s --help` tells the options", command);
    tarn_error_set(error, TARN_ERROR_USAGE, hint, "%s", fault->message);
    return FALSE;
  }
  if (options && !options->project_dir) options->project_dir = g_strdup(".");
  return TRUE;
}

static void print_text(const char *level, const char *color, const GError *error) {
  gboolean tty = isatty(STDERR_FILENO);
  const char *detail = tarn_error_detail(error), *hint = tarn_error_hint(error);
  fprintf(stderr, "%starn: %s:%s %s\n", tty ? color : "", level, tty ? "\033[0m" : "", error->message);
  if (detail) fprintf(stderr, "  detail: %s\n", detail);
  if (hint) fprintf(stderr, "  hint: %s\n", hint);
}

static void print_json(const char *level, const GError *error) {
  g_autoptr(GString) line = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, line);
  tarn_json_begin_object(&json);
  tarn_json_member_string(&json, "level", level);
  tarn_json_member_int(&json, "code", tarn_error_exit_code(error));
  tarn_json_member_string(&json, "message", error->message);
  tarn_json_member_string(&json, "detail", tarn_error_detail(error));
  tarn_json_member_string(&json, "hint", tarn_error_hint(error));
  tarn_json_end_object(&json);
  fprintf(stderr, "%s\n", line->str);
}

int tarn_cli_fail(const GError *error) {
  fflush(stdout);
  if (errors_as_json)
    print_json("error", error);
  else
    print_text("error", "\033[31m", error);
  return tarn_error_exit_code(error);
}

void tarn_cli_warn(const GError *error) {
  if (errors_as_json)
    print_json("warning", error);
  else
    print_text("warning", "\033[33m", error);
}
