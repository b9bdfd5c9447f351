#include "lakehouse/rows.h"

#include <string.h>

#include "lakehouse/db_private.h"
#include "lakehouse/rows_private.h"

void tarn_rows_tell_apart(GStrv names) {
  g_autoptr(GHashTable) taken = g_hash_table_new(g_str_hash, g_str_equal);
  for (char **name = names; *name; name++) {
    g_autofree char *wanted = g_strdup(*name);
    for (guint suffix = 1; g_hash_table_contains(taken, *name); suffix++) {
      g_free(*name);
      *name = g_strdup_printf("%s_%u", wanted, suffix);
    }
    g_hash_table_add(taken, *name);
  }
}

static GStrv column_names(TarnResult *result, guint n) {
  GStrv names = g_new0(char *, n + 1);
  for (guint i = 0; i < n; i++) names[i] = g_strdup(tarn_result_column_name(result, i));
  tarn_rows_tell_apart(names);
  return names;
}

TarnRows *tarn_rows_new(TarnResult *result, GError **error) {
  g_autoptr(TarnRows) rows = g_new0(TarnRows, 1);
  rows->result = result;
  rows->n_columns = tarn_result_columns(result);
  rows->n_shown = rows->n_columns;
  rows->names = column_names(result, rows->n_columns);
  rows->columns = g_new0(TarnCellColumn, rows->n_columns);
  rows->scratch = g_string_new(NULL);
  for (guint i = 0; i < rows->n_columns; i++) {
    duckdb_logical_type type = duckdb_column_logical_type(&result->result, i);
    gboolean ok = tarn_cell_column_init(&rows->columns[i], type, rows->names[i], error);
    duckdb_destroy_logical_type(&type);
    if (!ok) return NULL;
  }
  return g_steal_pointer(&rows);
}

void tarn_rows_free(TarnRows *rows) {
  if (!rows) return;
  duckdb_destroy_data_chunk(&rows->streamed);
  for (guint i = 0; i < rows->n_columns; i++) tarn_cell_column_clear(&rows->columns[i]);
  g_free(rows->columns);
  g_strfreev(rows->names);
  g_string_free(rows->scratch, TRUE);
  g_free(rows);
}

/* The next chunk, or NULL at the end and after a failure. */
static duckdb_data_chunk fetch(TarnRows *rows, GError **error) {
  TarnResult *result = rows->result;
  if (!result->streaming) return rows->next_chunk < result->n_chunks ? result->chunks[rows->next_chunk++] : NULL;
  duckdb_destroy_data_chunk(&rows->streamed);
  rows->streamed = duckdb_fetch_chunk(result->result);
  const char *message = rows->streamed ? NULL : duckdb_result_error(&result->result);
  if (message) tarn_db_set_error(error, TARN_ERROR_INTERNAL, "the statement failed while its rows were read", message);
  return rows->streamed;
}

gboolean tarn_rows_next(TarnRows *rows, GError **error) {
  do {
    duckdb_data_chunk chunk = fetch(rows, error);
    if (!chunk) return FALSE;
    rows->n_rows = (guint)duckdb_data_chunk_get_size(chunk);
    for (guint i = 0; i < rows->n_columns; i++)
      tarn_cell_column_bind(&rows->columns[i], duckdb_data_chunk_get_vector(chunk, i));
  } while (rows->n_rows == 0);
  return TRUE;
}

guint tarn_rows_count(const TarnRows *rows) { return rows->n_rows; }

void tarn_rows_hide_last(TarnRows *rows, guint n) {
  g_assert(n < rows->n_columns);
  rows->n_shown = rows->n_columns - n;
}

void tarn_rows_write_json_row(TarnRows *rows, guint row, TarnJsonWriter *json) {
  tarn_json_begin_object(json);
  for (guint i = 0; i < rows->n_shown; i++) {
    tarn_json_key(json, rows->names[i]);
    tarn_cell_write_json(&rows->columns[i], row, json, rows->scratch);
  }
  tarn_json_end_object(json);
}

void tarn_rows_write_json(TarnRows *rows, TarnJsonWriter *json) {
  for (guint row = 0; row < rows->n_rows; row++) tarn_rows_write_json_row(rows, row, json);
}

static void append_csv_text(GString *out, const char *text, gsize size) {
  gboolean quote = size == 0 || g_ascii_isspace(text[0]) || g_ascii_isspace(text[size - 1]);
  for (gsize i = 0; i < size && !quote; i++) quote = memchr(",\"\r\n", text[i], 4) != NULL;
  if (!quote) {
    g_string_append_len(out, text, (gssize)size);
    return;
  }
  g_string_append_c(out, '"');
  for (gsize i = 0; i < size; i++) {
    if (text[i] == '"') g_string_append_c(out, '"');
    g_string_append_c(out, text[i]);
  }
  g_string_append_c(out, '"');
}

void tarn_rows_write_csv_header(const TarnRows *rows, GString *out) {
  for (guint i = 0; i < rows->n_shown; i++) {
    if (i > 0) g_string_append_c(out, ',');
    append_csv_text(out, rows->names[i], strlen(rows->names[i]));
  }
  g_string_append(out, "\r\n");
}

void tarn_rows_write_csv_row(TarnRows *rows, guint row, GString *out) {
  for (guint i = 0; i < rows->n_shown; i++) {
    if (i > 0) g_string_append_c(out, ',');
    TarnCell cell = tarn_cell_read(&rows->columns[i], row, rows->scratch);
    if (cell.kind == TARN_CELL_BARE || cell.kind == TARN_CELL_TEXT) append_csv_text(out, cell.text, cell.size);
  }
  g_string_append(out, "\r\n");
}

void tarn_rows_write_csv(TarnRows *rows, GString *out) {
  for (guint row = 0; row < rows->n_rows; row++) tarn_rows_write_csv_row(rows, row, out);
}
