/* `tarn diff [A [B]]`: what changed between two generations. */
#include "lakehouse/diff.h"

#include <stdio.h>

#include "base/error.h"
#include "commands/cli.h"
#include "commands/commands.h"
#include "commands/published.h"
#include "commands/section.h"
#include "lakehouse/generation.h"
#include "lakehouse/sql.h"

#define DEFAULT_LIMIT 20

static const TarnSection sections[] = {
    {"tables", "Tables", "FROM diff_tables", tarn_sql_diff_tables_people},
    {"columns", "Columns", "FROM diff_columns",
     "SELECT \"table\", \"column\", coalesce(from_type, 'none') AS \"from\", coalesce(to_type, 'none') AS \"to\" FROM "
     "({rows})"},
    {"keys", "Gold rows by key", "FROM diff_keys",
     "SELECT * REPLACE (array_to_string(key, ', ') AS key) FROM ({rows})"},
    {"rows", "The first of them", "FROM diff_rows",
     "SELECT \"table\", change, array_to_string(key, ', ') AS key, array_to_string(columns, ', ') AS columns FROM "
     "({rows})"},
};

static gboolean print_diff(const TarnDiff *diff, GError **error) {
  printf("generation %" G_GINT64_FORMAT " -> %" G_GINT64_FORMAT "\n", diff->from, diff->to);
  for (gsize i = 0; i < G_N_ELEMENTS(sections); i++)
    if (!tarn_section_print(diff->conn, &sections[i], error)) return FALSE;
  return TRUE;
}

static gboolean write_diff(const TarnDiff *diff, GError **error) {
  g_autoptr(GString) out = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, out);
  tarn_json_begin_object(&json);
  tarn_json_member_int(&json, "from", diff->from);
  tarn_json_member_int(&json, "to", diff->to);
  for (gsize i = 0; i < G_N_ELEMENTS(sections); i++)
    if (!tarn_section_write(diff->conn, &sections[i], &json, error)) return FALSE;
  tarn_json_end_object(&json);
  printf("%s\n", out->str);
  return TRUE;
}

static gboolean parse_number(const char *text, gint64 *number, GError **error) {
  guint64 value;
  if (g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT64, &value, NULL)) {
    *number = (gint64)value;
    return TRUE;
  }
  tarn_error_set(error, TARN_ERROR_USAGE, "`tarn generations` lists them", "'%s' is not the number of a generation",
                 text);
  return FALSE;
}

/* A and B of the command line; 0 where left out. */
static gboolean parse_numbers(int argc, char **argv, gint64 numbers[2], GError **error) {
  if (argc > 3) {
    tarn_error_set(error, TARN_ERROR_USAGE, "`tarn diff A B`", "two generations can be compared, not %d", argc - 1);
    return FALSE;
  }
  for (int i = 1; i < argc; i++)
    if (!parse_number(argv[i], &numbers[i - 1], error)) return FALSE;
  return TRUE;
}

/* No A is the newest kept one, no B is the published one. */
static gboolean choose_files(const TarnLakehouse *lakehouse, const gint64 numbers[2], char **from, char **to,
                             GError **error) {
  g_autoptr(GArray) kept = tarn_lakehouse_kept(lakehouse);
  if (!numbers[0] && kept->len == 0) {
    tarn_error_set(error, TARN_ERROR_USAGE, "publish.keep in tarn.yaml says how many older generations are kept",
                   "no older generation is kept to compare with");
    return FALSE;
  }
  *from = tarn_lakehouse_generation_path(lakehouse, numbers[0] ? numbers[0] : g_array_index(kept, gint64, 0), error);
  if (!*from) return FALSE;
  *to = numbers[1] ? tarn_lakehouse_generation_path(lakehouse, numbers[1], error)
                   : g_strdup(tarn_lakehouse_path(lakehouse));
  if (!*to || !g_str_equal(*from, *to)) return *to != NULL;
  tarn_error_set(error, TARN_ERROR_USAGE, "name another one: `tarn generations` lists them",
                 "both are the same generation");
  return FALSE;
}

static gboolean run(const char *project_dir, const gint64 numbers[2], gint64 limit, gboolean as_json, GError **error) {
  g_autofree char *path = tarn_published_path(project_dir, error), *from = NULL, *to = NULL;
  if (!path) return FALSE;
  g_autoptr(TarnLakehouse) lakehouse = tarn_lakehouse_new(path);
  if (!choose_files(lakehouse, numbers, &from, &to, error)) return FALSE;
  g_auto(TarnDiff) diff = {0};
  return tarn_diff_open(&diff, from, to, limit, error) && (as_json ? write_diff : print_diff)(&diff, error);
}

int tarn_command_diff(int argc, char **argv) {
  TarnCliOptions cli = {0};
  gboolean as_json = FALSE;
  gint64 limit = DEFAULT_LIMIT, numbers[2] = {0};
  const GOptionEntry entries[] = {
      {"limit", 'n', 0, G_OPTION_ARG_INT64, &limit, "list the first N changed keys of each table (default 20)", "N"},
      {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "print a JSON object", NULL},
      {NULL, 0, 0, 0, NULL, NULL, NULL}};
  g_autoptr(GError) error = NULL;
  gboolean ok =
      tarn_cli_parse(
          &argc, &argv, "diff", "[A [B]]",
          "Tells what changed from generation A (default: the newest kept one) to B (default: the published one).",
          "Compares rows per table, columns, and the rows of gold tables by key.", entries, &cli, &error) &&
      parse_numbers(argc, argv, numbers, &error) && run(cli.project_dir, numbers, MAX(limit, 0), as_json, &error);
  g_free(cli.project_dir);
  return ok ? 0 : tarn_cli_fail(error);
}
