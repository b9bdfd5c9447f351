/* `tarn generations`: every generation that the ledger knows, and where the file of each is. */
#include <stdio.h>
#include <sys/stat.h>

#include "commands/cli.h"
#include "commands/commands.h"
#include "commands/published.h"
#include "commands/section.h"
#include "lakehouse/generation.h"
#include "lakehouse/sql.h"
#include "lakehouse/system.h"

#define DEFAULT_LIMIT 20

static gboolean add_file(TarnConn *conn, gint64 generation, const char *path, GError **error) {
  struct stat file;
  if (stat(path, &file) != 0) return TRUE;
  const TarnValue values[] = {tarn_value_int(generation), tarn_value_text(path), tarn_value_int(file.st_size)};
  return tarn_conn_run(conn, "INSERT INTO generation_files VALUES ($1, $2, $3)", values, 3, NULL, error);
}

/* The files that there are, as the temporary table that generations.sql joins. */
static gboolean list_files(const TarnPublished *published, GError **error) {
  g_autoptr(TarnLakehouse) lakehouse = tarn_lakehouse_new(published->path);
  g_autoptr(GArray) kept = tarn_lakehouse_kept(lakehouse);
  TarnConn *conn = published->conn;
  gint64 current;
  if (!tarn_system_generation(conn, &current, error) ||
      !tarn_conn_exec(conn, "CREATE TEMP TABLE generation_files (generation BIGINT, path VARCHAR, size_bytes BIGINT)",
                      error) ||
      !add_file(conn, current, published->path, error))
    return FALSE;
  for (guint i = 0; i < kept->len; i++) {
    gint64 generation = g_array_index(kept, gint64, i);
    g_autofree char *path = tarn_lakehouse_kept_path(lakehouse, generation);
    if (!add_file(conn, generation, path, error)) return FALSE;
  }
  return TRUE;
}

static gboolean show(TarnConn *conn, gboolean as_json, GError **error) {
  const TarnSection section = {.sql = tarn_sql_generations, .people = tarn_sql_generations_people};
  if (!as_json) return tarn_section_print(conn, &section, error);
  g_autoptr(GString) out = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, out);
  if (!tarn_section_write(conn, &section, &json, error)) return FALSE;
  printf("%s\n", out->str);
  return TRUE;
}

static gboolean run(const char *project_dir, gint64 limit, gboolean as_json, GError **error) {
  g_autofree char *path = tarn_published_path(project_dir, error);
  g_auto(TarnPublished) published = {0};
  if (!path || !tarn_published_open_file(&published, path, error)) return FALSE;
  g_autofree char *shown = g_strdup_printf("SET VARIABLE shown = %" G_GINT64_FORMAT, limit > 0 ? limit : G_MAXINT32);
  return tarn_conn_exec(published.conn, shown, error) && list_files(&published, error) &&
         show(published.conn, as_json, error);
}

int tarn_command_generations(int argc, char **argv) {
  TarnCliOptions cli = {0};
  gboolean as_json = FALSE;
  gint64 limit = DEFAULT_LIMIT;
  const GOptionEntry entries[] = {
      {"limit", 'n', 0, G_OPTION_ARG_INT64, &limit, "show the newest N (default 20, 0: all)", "N"},
      {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "print a JSON array", NULL},
      {NULL, 0, 0, 0, NULL, NULL, NULL}};
  g_autoptr(GError) error = NULL;
  gboolean ok = tarn_cli_parse(&argc, &argv, "generations", NULL,
                               "Lists the published generation (marked *) and the older ones, newest first.",
                               "Older generations that are kept can be opened with DuckDB, compared (`tarn diff`) and "
                               "published again (`tarn rollback`).",
                               entries, &cli, &error) &&
                run(cli.project_dir, limit, as_json, &error);
  g_free(cli.project_dir);
  return ok ? 0 : tarn_cli_fail(error);
}
