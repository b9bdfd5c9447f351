#include <string.h>

#include "lakehouse/db_private.h"

void tarn_result_free(TarnResult *result) {
  if (!result) return;
  for (guint i = 0; i < result->n_chunks; i++) duckdb_destroy_data_chunk(&result->chunks[i]);
  g_free(result->chunks);
  g_free(result->first_row);
  duckdb_destroy_result(&result->result);
  g_free(result);
}

guint64 tarn_result_rows(const TarnResult *result) { return result->n_rows; }

guint tarn_result_columns(const TarnResult *result) {
  return (guint)duckdb_column_count((duckdb_result *)&result->result);
}

const char *tarn_result_column_name(const TarnResult *result, guint column) {
  return duckdb_column_name((duckdb_result *)&result->result, column);
}

gint64 tarn_result_changed(const TarnResult *result) {
  return (gint64)duckdb_rows_changed((duckdb_result *)&result->result);
}

typedef struct {
  duckdb_vector vector;
  idx_t index;
  duckdb_type type;
} Cell;

static Cell cell_at(const TarnResult *result, guint64 row, guint column) {
  g_assert(row < result->n_rows);
  guint low = 0, high = result->n_chunks;
  while (high - low > 1) {
    guint middle = (low + high) / 2;
    if (result->first_row[middle] <= row)
      low = middle;
    else
      high = middle;
  }
  return (Cell){duckdb_data_chunk_get_vector(result->chunks[low], column), row - result->first_row[low],
                duckdb_column_type((duckdb_result *)&result->result, column)};
}

static gboolean cell_is_null(const Cell *cell) {
  uint64_t *validity = duckdb_vector_get_validity(cell->vector);
  return validity && !duckdb_validity_row_is_valid(validity, cell->index);
}

gboolean tarn_result_is_null(const TarnResult *result, guint64 row, guint column) {
  Cell cell = cell_at(result, row, column);
  return cell_is_null(&cell);
}

gint64 tarn_result_int(const TarnResult *result, guint64 row, guint column) {
  Cell cell = cell_at(result, row, column);
  if (cell_is_null(&cell)) return 0;
  const void *data = duckdb_vector_get_data(cell.vector);
  idx_t i = cell.index;
  switch (cell.type) {
    case DUCKDB_TYPE_BOOLEAN:
      return ((const bool *)data)[i];
    case DUCKDB_TYPE_TINYINT:
      return ((const int8_t *)data)[i];
    case DUCKDB_TYPE_SMALLINT:
      return ((const int16_t *)data)[i];
    case DUCKDB_TYPE_INTEGER:
      return ((const int32_t *)data)[i];
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      return ((const int64_t *)data)[i];
    case DUCKDB_TYPE_UINTEGER:
      return ((const uint32_t *)data)[i];
    case DUCKDB_TYPE_UBIGINT:
      return (gint64)((const uint64_t *)data)[i];
    case DUCKDB_TYPE_HUGEINT:
      return (gint64)((const duckdb_hugeint *)data)[i].lower;
    default:
      return 0;
  }
}

double tarn_result_double(const TarnResult *result, guint64 row, guint column) {
  Cell cell = cell_at(result, row, column);
  if (cell_is_null(&cell)) return 0;
  const void *data = duckdb_vector_get_data(cell.vector);
  if (cell.type == DUCKDB_TYPE_DOUBLE) return ((const double *)data)[cell.index];
  if (cell.type == DUCKDB_TYPE_FLOAT) return ((const float *)data)[cell.index];
  return (double)tarn_result_int(result, row, column);
}

char *tarn_result_bytes(const TarnResult *result, guint64 row, guint column, gsize *size) {
  Cell cell = cell_at(result, row, column);
  if (cell_is_null(&cell) || (cell.type != DUCKDB_TYPE_VARCHAR && cell.type != DUCKDB_TYPE_BLOB)) return NULL;
  duckdb_string_t *text = &((duckdb_string_t *)duckdb_vector_get_data(cell.vector))[cell.index];
  gsize length = duckdb_string_t_length(*text);
  char *copy = g_malloc(length + 1);
  memcpy(copy, duckdb_string_t_data(text), length);
  copy[length] = '\0';
  if (size) *size = length;
  return copy;
}

char *tarn_result_text(const TarnResult *result, guint64 row, guint column) {
  return tarn_result_bytes(result, row, column, NULL);
}
