#include "commands/section.h"

#include <stdio.h>
#include <unistd.h>

#include "lakehouse/rows.h"

#define MAX_WIDTH 100

gboolean tarn_section_print(TarnConn *conn, const TarnSection *section, GError **error) {
  g_autofree char *sql =
      section->people ? tarn_sql_fill(section->people, "rows", section->sql, NULL) : g_strdup(section->sql);
  g_autoptr(TarnResult) result = tarn_conn_query(conn, sql, NULL, 0, error);
  if (!result) return FALSE;
  if (tarn_result_rows(result) == 0) return TRUE;
  const TarnTableOptions options = {.max_width = MAX_WIDTH, .color = isatty(STDOUT_FILENO)};
  TarnTableSummary summary;
  g_autoptr(GString) out = g_string_new(NULL);
  g_autoptr(TarnRows) rows = tarn_rows_new(result, error);
  if (!rows || !tarn_rows_write_table(rows, &options, out, &summary, error)) return FALSE;
  if (section->title) printf("\n%s\n", section->title);
  printf("%s", out->str);
  return TRUE;
}

gboolean tarn_section_write(TarnConn *conn, const TarnSection *section, TarnJsonWriter *json, GError **error) {
  g_autoptr(TarnResult) result = tarn_conn_query(conn, section->sql, NULL, 0, error);
  if (!result) return FALSE;
  g_autoptr(TarnRows) rows = tarn_rows_new(result, error);
  if (!rows) return FALSE;
  if (section->key) tarn_json_key(json, section->key);
  tarn_json_begin_array(json);
  while (tarn_rows_next(rows, NULL)) tarn_rows_write_json(rows, json);
  tarn_json_end_array(json);
  return TRUE;
}
