/* `tarn query`: one SELECT over the published file, read-only. Rows on standard output, everything else on standard
 * error. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/budget.h"
#include "base/error.h"
#include "base/nearest.h"
#include "commands/cli.h"
#include "commands/commands.h"
#include "commands/published.h"
#include "lakehouse/db.h"
#include "lakehouse/rows.h"
#include "lakehouse/sql.h"
#include "lakehouse/statement.h"

#define DEFAULT_LIMIT 100
#define NOT_GIVEN G_MININT64
#define MAX_VALUE_WIDTH 60
#define MAX_SQL_BYTES (1024 * 1024)

typedef struct {
  TarnCliOptions cli;
  char *format;
  gint64 limit; /* may be NOT_GIVEN */
} Options;

typedef struct {
  const char *name;
  gboolean (*print)(TarnRows *rows, const Options *options, GError **error);
} Format;

/* Moves the text to standard output. */
static gboolean flush_text(GString *text, GError **error) {
  gboolean ok = fwrite(text->str, 1, text->len, stdout) == text->len && fflush(stdout) == 0;
  if (!ok) tarn_error_set_errno(error, errno, "cannot write to standard output");
  g_string_truncate(text, 0);
  return ok;
}

static gboolean print_json(TarnRows *rows, const Options *options, GError **error) {
  (void)options;
  g_autoptr(GError) fault = NULL;
  g_autoptr(GString) out = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, out);
  tarn_json_begin_array(&json);
  while (!fault && tarn_rows_next(rows, &fault)) {
    tarn_rows_write_json(rows, &json);
    flush_text(out, &fault);
  }
  if (fault) {
    g_propagate_error(error, g_steal_pointer(&fault));
    return FALSE;
  }
  tarn_json_end_array(&json);
  g_string_append_c(out, '\n');
  return flush_text(out, error);
}

static gboolean print_csv(TarnRows *rows, const Options *options, GError **error) {
  (void)options;
  g_autoptr(GError) fault = NULL;
  g_autoptr(GString) out = g_string_new(NULL);
  tarn_rows_write_csv_header(rows, out);
  flush_text(out, &fault);
  while (!fault && tarn_rows_next(rows, &fault)) {
    tarn_rows_write_csv(rows, out);
    flush_text(out, &fault);
  }
  if (!fault) return TRUE;
  g_propagate_error(error, g_steal_pointer(&fault));
  return FALSE;
}

static void print_footer(const TarnTableSummary *summary) {
  if (summary->more)
    fprintf(stderr, "(the first %" G_GUINT64_FORMAT " rows; --limit N shows more, --limit 0 all)\n", summary->shown);
  else
    fprintf(stderr, "(%" G_GUINT64_FORMAT " %s)\n", summary->shown, summary->shown == 1 ? "row" : "rows");
  if (summary->cut)
    fprintf(stderr, "(values longer than %d characters are cut; --format json shows them whole)\n", MAX_VALUE_WIDTH);
}

/* 0: standard output is no terminal. */
static guint terminal_width(void) {
  struct winsize size;
  return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static gboolean print_table(TarnRows *rows, const Options *options, GError **error) {
  const TarnTableOptions table = {.limit = options->limit == NOT_GIVEN ? DEFAULT_LIMIT : (guint64)options->limit,
                                  .max_width = MAX_VALUE_WIDTH,
                                  .line_width = terminal_width(),
                                  .color = isatty(STDOUT_FILENO) && !g_getenv("NO_COLOR")};
  TarnTableSummary summary;
  g_autoptr(GString) out = g_string_new(NULL);
  if (!tarn_rows_write_table(rows, &table, out, &summary, error) || !flush_text(out, error)) return FALSE;
  print_footer(&summary);
  return TRUE;
}

static const Format formats[] = {{"table", print_table}, {"json", print_json}, {"csv", print_csv}};

static const Format *find_format(const char *name, GError **error) {
  for (gsize i = 0; i < G_N_ELEMENTS(formats); i++)
    if (g_strcmp0(formats[i].name, name) == 0) return &formats[i];
  tarn_error_set(error, TARN_ERROR_USAGE, "--format is table, json or csv", "there is no format '%s'", name);
  return NULL;
}

static gboolean check_limit(const Options *options, const Format *format, GError **error) {
  if (options->limit == NOT_GIVEN || (format->print == print_table && options->limit >= 0)) return TRUE;
  if (options->limit < 0)
    tarn_error_set(error, TARN_ERROR_USAGE, "--limit 0 shows all rows", "--limit is below zero");
  else
    tarn_error_set(error, TARN_ERROR_USAGE, "write LIMIT into the SQL", "--limit is for the table format only");
  return FALSE;
}

static char *read_standard_input(GError **error) {
  g_autofree char *text = g_malloc(MAX_SQL_BYTES + 1);
  gsize size = fread(text, 1, MAX_SQL_BYTES + 1, stdin);
  if (size > MAX_SQL_BYTES) {
    tarn_error_set(error, TARN_ERROR_USAGE, NULL, "the SQL on standard input is longer than 1 MiB");
    return NULL;
  }
  return g_strndup(text, size);
}

static char *read_sql(int argc, char **argv, GError **error) {
  if (argc != 2) {
    tarn_error_set(error, TARN_ERROR_USAGE, "write it as one quoted argument: tarn query \"SELECT 1\"",
                   "tarn query takes one SQL statement, %s",
                   argc < 2 ? "but there is none" : "but there are several arguments");
    return NULL;
  }
  return g_str_equal(argv[1], "-") ? read_standard_input(error) : g_strdup(argv[1]);
}

static TarnDb *open_database(const char *project_dir, GError **error) {
  TarnBudget budget;
  g_autofree char *path = tarn_published_path(project_dir, error);
  if (!path || !tarn_budget_read(&budget, error)) return NULL;
  const TarnDbOptions options = {.read_only = TRUE, .memory_bytes = budget.engine_bytes, .threads = budget.threads};
  return tarn_db_open(path, &options, error);
}

static char **table_names(TarnConn *conn) {
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  g_autoptr(TarnResult) result = tarn_conn_query(conn, tarn_sql_readable_tables, NULL, 0, NULL);
  for (guint64 row = 0; result && row < tarn_result_rows(result); row++) {
    g_autofree char *name = tarn_result_text(result, row, 0);
    g_strv_builder_add(names, name);
  }
  return g_strv_builder_end(names);
}

/* The name in DuckDB's words for an unknown table; NULL: they say something else. Caller frees. */
static char *unknown_table(const char *detail) {
  static const char before[] = "Table with name ", behind[] = " does not exist!";
  const char *name = detail ? strstr(detail, before) : NULL;
  const char *end = name ? strstr(name, behind) : NULL;
  return end ? g_strndup(name + strlen(before), (gsize)(end - name) - strlen(before)) : NULL;
}

/* DuckDB suggests tables of its own; what the file holds helps more. */
static void set_unknown_table(GError **error, TarnConn *conn, const char *name) {
  g_auto(GStrv) names = table_names(conn);
  g_autofree char *list = g_strjoinv(", ", names);
  const char *nearest = tarn_nearest_word(name, (const char *const *)names);
  g_autofree char *hint = nearest ? g_strdup_printf("did you mean %s? The tables are: %s", nearest, list)
                                  : g_strdup_printf("the tables are: %s", list);
  tarn_error_set(error, TARN_ERROR_USAGE, hint, "there is no table '%s'", name);
}

/* What the engine says of the user's SQL is the user's to mend: a usage error. */
static void set_query_error(GError **error, TarnConn *conn, GError *fault) {
  g_autofree char *name = unknown_table(tarn_error_detail(fault));
  if (name)
    set_unknown_table(error, conn, name);
  else if (g_error_matches(fault, TARN_ERROR, TARN_ERROR_INTERNAL))
    tarn_error_set_detail(error, TARN_ERROR_USAGE, tarn_error_detail(fault), NULL, "the query failed");
  else
    g_propagate_error(error, g_error_copy(fault));
}

static TarnResult *start_query(TarnConn *conn, const char *sql, TarnStatement **statement, GError **error) {
  if (!(*statement = tarn_statement_prepare(conn, sql, error))) return NULL;
  if (!tarn_statement_is_query(*statement)) {
    tarn_error_set(error, TARN_ERROR_USAGE,
                   "the published file is read-only: change the project's models and `tarn run`",
                   "only a statement that reads is allowed (SELECT, FROM, WITH, DESCRIBE, SUMMARIZE, SHOW, EXPLAIN)");
    return NULL;
  }
  if (tarn_statement_n_parameters(*statement) > 0) {
    tarn_error_set(error, TARN_ERROR_USAGE, "write the values into the SQL",
                   "the query has parameters, which nothing gives a value");
    return NULL;
  }
  return tarn_statement_stream(*statement, error);
}

static gboolean print_query(TarnConn *conn, const char *sql, const Format *format, const Options *options,
                            GError **error) {
  g_autoptr(TarnStatement) statement = NULL;
  g_autoptr(TarnResult) result = start_query(conn, sql, &statement, error);
  if (!result) return FALSE;
  g_autoptr(TarnRows) rows = tarn_rows_new(result, error);
  return rows && format->print(rows, options, error);
}

static gboolean run(int argc, char **argv, const Options *options, GError **error) {
  const Format *format = find_format(options->format ? options->format : "table", error);
  g_autofree char *sql = format && check_limit(options, format, error) ? read_sql(argc, argv, error) : NULL;
  g_autoptr(TarnDb) db = sql ? open_database(options->cli.project_dir, error) : NULL;
  g_autoptr(TarnConn) conn = db ? tarn_db_connect(db, error) : NULL;
  if (!conn || !tarn_conn_exec(conn, "SET preserve_insertion_order = true; SET lock_configuration = true", error))
    return FALSE;
  g_autoptr(GError) fault = NULL;
  if (print_query(conn, sql, format, options, &fault)) return TRUE;
  set_query_error(error, conn, fault);
  return FALSE;
}

int tarn_command_query(int argc, char **argv) {
  Options options = {.limit = NOT_GIVEN};
  const GOptionEntry entries[] = {
      {"format", 'f', 0, G_OPTION_ARG_STRING, &options.format, "table (default), json or csv", "FORMAT"},
      {"limit", 'n', 0, G_OPTION_ARG_INT64, &options.limit, "rows that a table shows (default: 100; 0: all)", "N"},
      {NULL, 0, 0, 0, NULL, NULL, NULL}};
  g_autoptr(GError) error = NULL;
  gboolean ok =
      tarn_cli_parse(&argc, &argv, "query", "SQL|-", "Runs one SELECT over the published file, read-only.",
                     "A lone - reads the SQL from standard input. DB_PATH names the file; else the project does.\n"
                     "Values are written as docs/encoding.md tells.",
                     entries, &options.cli, &error) &&
      run(argc, argv, &options, &error);
  g_free(options.cli.project_dir);
  g_free(options.format);
  return ok ? 0 : tarn_cli_fail(error);
}
