/* What rows.c and table.c share. */
#pragma once
#include "lakehouse/cell.h"
#include "lakehouse/rows.h"

struct TarnRows {
  TarnResult *result; /* borrowed */
  GStrv names;
  TarnCellColumn *columns;
  guint n_columns;
  guint n_shown;              /* of them, from the first */
  guint next_chunk;           /* of a result that is in memory */
  duckdb_data_chunk streamed; /* the current block of a stream, owned */
  guint n_rows;
  GString *scratch;
};
