/* `tarn rollback [N]`: publishes what an older generation held. */
#include "lakehouse/rollback.h"

#include <stdio.h>

#include "base/error.h"
#include "base/json_writer.h"
#include "commands/cli.h"
#include "commands/commands.h"
#include "commands/published.h"

static void show(const TarnRollback *done, const char *path, gboolean as_json) {
  if (!as_json) {
    printf("Generation %" G_GINT64_FORMAT " is published at %s: the content of generation %" G_GINT64_FORMAT
           ".\n"
           "Scheduled runs are held. `tarn run --resume` reads on from the restored positions.\n",
           done->published, path, done->target);
    return;
  }
  g_autoptr(GString) out = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, out);
  tarn_json_begin_object(&json);
  tarn_json_member_int(&json, "generation", done->published);
  tarn_json_member_int(&json, "rolled_back_from", done->target);
  tarn_json_key(&json, "replaced");
  if (done->replaced)
    tarn_json_int(&json, done->replaced);
  else
    tarn_json_null(&json);
  tarn_json_member_string(&json, "database", path);
  tarn_json_end_object(&json);
  printf("%s\n", out->str);
}

static gboolean run(const char *project_dir, gint64 target, gboolean as_json, GError **error) {
  g_autofree char *path = tarn_published_path(project_dir, error);
  if (!path) return FALSE;
  g_autoptr(TarnLakehouse) lakehouse = tarn_lakehouse_new(path);
  TarnRollback done;
  if (!tarn_lakehouse_lock(lakehouse, error) || !tarn_rollback(lakehouse, target, &done, error)) return FALSE;
  show(&done, path, as_json);
  return TRUE;
}

static gboolean parse_target(int argc, char **argv, gint64 *target, GError **error) {
  *target = 0;
  if (argc < 2) return TRUE;
  guint64 number;
  if (argc == 2 && g_ascii_string_to_unsigned(argv[1], 10, 1, G_MAXINT64, &number, NULL)) {
    *target = (gint64)number;
    return TRUE;
  }
  tarn_error_set(error, TARN_ERROR_USAGE, "`tarn generations` lists them", "'%s' is not the number of one generation",
                 argv[argc - 1]);
  return FALSE;
}

int tarn_command_rollback(int argc, char **argv) {
  TarnCliOptions cli = {0};
  gboolean as_json = FALSE;
  gint64 target;
  const GOptionEntry entries[] = {{"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "print a JSON object", NULL},
                                  {NULL, 0, 0, 0, NULL, NULL, NULL}};
  g_autoptr(GError) error = NULL;
  gboolean ok =
      tarn_cli_parse(&argc, &argv, "rollback", "[N]",
                     "Publishes the content of generation N (default: the newest kept one) under a new number.",
                     "Readers switch at once and nothing is lost: the generation that is replaced is kept. Runs are "
                     "held until `tarn run --resume`.",
                     entries, &cli, &error) &&
      parse_target(argc, argv, &target, &error) && run(cli.project_dir, target, as_json, &error);
  g_free(cli.project_dir);
  return ok ? 0 : tarn_cli_fail(error);
}
