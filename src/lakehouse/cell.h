/* Private to the lakehouse room. One column of a result, read cell by cell from DuckDB's vectors in the encoding of
 * docs/encoding.md. In: a column's type once, its vector per chunk. Out: text of a cell, or its JSON. Text is borrowed
 * from the vector or from the scratch string, so it lasts until either changes. */
#pragma once
#include <duckdb.h>

#include "base/json_writer.h"

typedef struct TarnCellColumn TarnCellColumn;

/* What kind of text a value becomes. */
typedef enum {
  TARN_CELL_NULL,
  TARN_CELL_BARE,       /* number, boolean or JSON: goes into JSON as it is */
  TARN_CELL_TEXT,       /* quoted in JSON */
  TARN_CELL_NOT_FINITE, /* NaN and infinities: null in JSON and CSV, a word for people */
} TarnCellKind;

typedef struct {
  TarnCellKind kind;
  const char *text;
  gsize size;
} TarnCell;

/* Writes the text of the value at row, which is not NULL, into out, which is empty. */
typedef TarnCellKind (*TarnCellFormat)(const TarnCellColumn *column, idx_t row, GString *out);

/* A node of the column's type tree, bound to the current chunk. */
struct TarnCellColumn {
  duckdb_type type;
  duckdb_type storage;      /* DECIMAL, ENUM: how the vector holds it */
  guint scale;              /* DECIMAL */
  guint array_size;         /* ARRAY */
  gboolean json;            /* VARCHAR that holds JSON */
  TarnCellFormat format;    /* scalars; NULL: nested */
  GStrv names;              /* STRUCT, UNION: of the children; ENUM: its words */
  TarnCellColumn *children; /* LIST, ARRAY, MAP: one; STRUCT, UNION: one per name */
  guint n_children;
  const void *data; /* of the current chunk */
  uint64_t *validity;
};

/* FALSE where the type has no encoding: *error names it and tells to cast. */
gboolean tarn_cell_column_init(TarnCellColumn *column, duckdb_logical_type type, const char *name, GError **error);
void tarn_cell_column_clear(TarnCellColumn *column);
void tarn_cell_column_bind(TarnCellColumn *column, duckdb_vector vector);
gboolean tarn_cell_column_is_number(const TarnCellColumn *column); /* aligned to the right in tables */

void tarn_cell_write_json(const TarnCellColumn *column, idx_t row, TarnJsonWriter *json, GString *scratch);
/* Nested values become their JSON. */
TarnCell tarn_cell_read(const TarnCellColumn *column, idx_t row, GString *scratch);

/* cell_text.c: how scalars of a type are written; NULL: the type is not a scalar that has an encoding. */
TarnCellFormat tarn_cell_format_for(duckdb_type type);
gboolean tarn_cell_type_is_number(duckdb_type type);
