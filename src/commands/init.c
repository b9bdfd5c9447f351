/* `tarn init DIR`: a shipped project, written into a folder. */
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>

#include "base/error.h"
#include "base/nearest.h"
#include "commands/cli.h"
#include "commands/commands.h"
#include "telecom_files.h"

#define EVENTS_FOLDER "events"
#define FOLDER_MODE 0777 /* less the umask */

static const struct {
  const char *name;
  const TarnEmbeddedFile *files;
} templates[] = {{"telecom", tarn_telecom_files}};

static const TarnEmbeddedFile *find_template(const char *name, GError **error) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (gsize i = 0; i < G_N_ELEMENTS(templates); i++) {
    if (g_str_equal(templates[i].name, name)) return templates[i].files;
    g_ptr_array_add(names, (gpointer)templates[i].name);
  }
  g_ptr_array_add(names, NULL);
  g_autofree char *known = g_strjoinv(", ", (GStrv)names->pdata);
  g_autofree char *hint = g_strdup_printf("templates: %s", known);
  tarn_error_set(error, TARN_ERROR_USAGE, hint, "there is no template '%s'", name);
  return NULL;
}

static gboolean is_empty(const char *folder) {
  g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
  return !dir || !g_dir_read_name(dir);
}

/* Nobody's work is overwritten: the folder is empty, or holds this template with nothing in it changed. */
static gboolean may_write(const char *folder, const TarnEmbeddedFile *files, GError **error) {
  gboolean ours = is_empty(folder);
  for (; files->path; files++) {
    g_autofree char *path = g_build_filename(folder, files->path, NULL), *found = NULL;
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) continue;
    if (g_file_get_contents(path, &found, NULL, NULL) && g_str_equal(found, files->text)) {
      ours = TRUE;
      continue;
    }
    tarn_error_set(error, TARN_ERROR_USAGE, "name another folder; nothing was written",
                   "%s is there and differs from the template", path);
    return FALSE;
  }
  if (!ours)
    tarn_error_set(error, TARN_ERROR_USAGE, "name a new or empty folder; nothing was written", "%s is not empty",
                   folder);
  return ours;
}

static gboolean make_folder(const char *path, GError **error) {
  if (g_mkdir_with_parents(path, FOLDER_MODE) == 0) return TRUE;
  tarn_error_set_errno(error, errno, "cannot make the folder %s", path);
  return FALSE;
}

static gboolean write_file(const char *folder, const TarnEmbeddedFile *file, GError **error) {
  g_autofree char *path = g_build_filename(folder, file->path, NULL), *parent = g_path_get_dirname(path);
  g_autoptr(GError) fault = NULL;
  if (!make_folder(parent, error)) return FALSE;
  if (g_file_set_contents(path, file->text, -1, &fault)) return TRUE;
  tarn_error_set_detail(error, TARN_ERROR_ENVIRONMENT, fault->message, "is the folder writable?", "cannot write %s",
                        path);
  return FALSE;
}

static gboolean write_project(const char *folder, const TarnEmbeddedFile *files, GError **error) {
  g_autofree char *events = g_build_filename(folder, EVENTS_FOLDER, NULL);
  if (!may_write(folder, files, error)) return FALSE;
  for (; files->path; files++)
    if (!write_file(folder, files, error)) return FALSE;
  return make_folder(events, error);
}

static void print_next_steps(const char *folder) {
  g_autofree char *quoted = g_shell_quote(folder);
  gboolean plain = strpbrk(folder, " '\"\\$") == NULL;
  const char *dir = plain ? folder : quoted;
  printf(
      "The project is in %s. Next:\n"
      "  tarn generate --events 100000 --out %s/" EVENTS_FOLDER
      "/events.ndjson   # example events, or put your own there\n"
      "  tarn run -C %s\n"
      "  tarn serve -C %s\n",
      folder, dir, dir, dir);
}

int tarn_command_init(int argc, char **argv) {
  g_autofree char *template = NULL;
  const GOptionEntry entries[] = {
      {"template", 0, 0, G_OPTION_ARG_STRING, &template, "which project to write (default: telecom)", "NAME"},
      {NULL, 0, 0, 0, NULL, NULL, NULL}};
  g_autoptr(GError) error = NULL;
  if (!tarn_cli_parse(&argc, &argv, "init", "DIR",
                      "Writes a new project into a folder: settings, models, checks and endpoints.",
                      "The folder must be new, empty, or hold the same project unchanged.", entries, NULL, &error))
    return tarn_cli_fail(error);
  if (argc != 2) {
    tarn_error_set(&error, TARN_ERROR_USAGE, "tarn init DIR", "name the folder to write to");
    return tarn_cli_fail(error);
  }
  const TarnEmbeddedFile *files = find_template(template ? template : templates[0].name, &error);
  if (!files || !write_project(argv[1], files, &error)) return tarn_cli_fail(error);
  print_next_steps(argv[1]);
  return 0;
}
