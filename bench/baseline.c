/* The contestant of the pipeline benchmarks: runs a script of plain SQL with the same libduckdb as Tarn's.
 *
 *   baseline DATABASE SCRIPT SOURCE THREADS
 *
 * Settings are DuckDB's own, but for the number of threads; the memory limit too, which is most of the machine: more
 * than Tarn allows itself. Prints the seconds of each statement as JSON lines. The time that counts is that of the
 * whole process. */
#include <duckdb.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

G_NORETURN static void die(const char *what, const char *why) {
  fprintf(stderr, "baseline: %s: %s\n", what, why ? why : "failed");
  exit(1);
}

static void execute(duckdb_prepared_statement statement) {
  duckdb_result result;
  if (duckdb_execute_prepared(statement, &result) != DuckDBSuccess) die("statement", duckdb_result_error(&result));
  duckdb_destroy_result(&result);
}

static void set_source(duckdb_connection connection, const char *source) {
  g_auto(GStrv) parts = g_strsplit(source, "'", -1);
  g_autofree char *quoted = g_strjoinv("''", parts);
  g_autofree char *sql = g_strdup_printf("SET VARIABLE source = '%s'", quoted);
  if (duckdb_query(connection, sql, NULL) != DuckDBSuccess) die("SET VARIABLE", source);
}

static void run_script(duckdb_connection connection, const char *script) {
  duckdb_extracted_statements statements;
  idx_t count = duckdb_extract_statements(connection, script, &statements);
  if (count == 0) die("script", duckdb_extract_statements_error(statements));
  for (idx_t i = 0; i < count; i++) {
    gint64 begun = g_get_monotonic_time();
    duckdb_prepared_statement statement;
    if (duckdb_prepare_extracted_statement(connection, statements, i, &statement) != DuckDBSuccess)
      die("statement", duckdb_prepare_error(statement));
    execute(statement);
    duckdb_destroy_prepare(&statement);
    printf("{\"statement\": %u, \"seconds\": %.3f}\n", (guint)i + 1,
           (double)(g_get_monotonic_time() - begun) / G_USEC_PER_SEC);
  }
  duckdb_destroy_extracted(&statements);
}

int main(int argc, char **argv) {
  if (argc != 5) die("usage", "baseline DATABASE SCRIPT SOURCE THREADS");
  g_autofree char *script = NULL;
  if (!g_file_get_contents(argv[2], &script, NULL, NULL)) die(argv[2], "cannot be read");
  duckdb_config config;
  duckdb_create_config(&config);
  if (duckdb_set_config(config, "threads", argv[4]) != DuckDBSuccess) die("threads", argv[4]);
  duckdb_database database;
  char *why = NULL;
  if (duckdb_open_ext(argv[1], &database, config, &why) != DuckDBSuccess) die(argv[1], why);
  duckdb_connection connection;
  if (duckdb_connect(database, &connection) != DuckDBSuccess) die(argv[1], "cannot connect");
  set_source(connection, argv[3]);
  run_script(connection, script);
  gint64 begun = g_get_monotonic_time();
  duckdb_disconnect(&connection);
  duckdb_close(&database);
  printf("{\"statement\": \"close\", \"seconds\": %.3f}\n", (double)(g_get_monotonic_time() - begun) / G_USEC_PER_SEC);
  duckdb_destroy_config(&config);
  return 0;
}
