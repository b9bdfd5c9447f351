/* read_parquet FOLDER SQL: the rows of a SELECT that may read the files of the folder, as JSON on standard output. DuckDB for tests that get Parquet. */
#include <stdio.h>

#include "base/error.h"
#include "lakehouse/rows.h"

static gboolean run(const char *folder, const char *sql, GError **error) {
  const TarnDbOptions options = {.writable_folder = folder};
  g_autoptr(TarnDb) db = tarn_db_open(NULL, &options, error);
  if (!db) return FALSE;
  g_autoptr(TarnConn) conn = tarn_db_connect(db, error);
  if (!conn) return FALSE;
  g_autoptr(TarnResult) result = tarn_conn_query(conn, sql, NULL, 0, error);
  g_autoptr(TarnRows) rows = result ? tarn_rows_new(result, error) : NULL;
  if (!rows) return FALSE;
  g_autoptr(GString) out = g_string_new(NULL);
  TarnJsonWriter json;
  tarn_json_init(&json, out);
  tarn_json_begin_array(&json);
  while (tarn_rows_next(rows, error)) tarn_rows_write_json(rows, &json);
  tarn_json_end_array(&json);
  puts(out->str);
  return TRUE;
}

int main(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  if (argc == 3 && run(argv[1], argv[2], &error)) return 0;
  fprintf(stderr, "%s: %s\n", error ? error->message : "usage: read_parquet FOLDER SQL",
          error ? tarn_error_detail(error) : "");
  return 1;
}
