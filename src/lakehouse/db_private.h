/* What the files of this room share and no other room sees: DuckDB's own handles. */
#pragma once
#include <duckdb.h>

#include "base/error.h"

#include "lakehouse/db.h"

struct TarnDb {
  duckdb_database database;
  gboolean attached; /* the file is not the main database, but the one attached as work */
  /* TarnIngest: callbacks that the engine may call while the database is open; NULL where there are none */
  GPtrArray *ingests;
};

struct TarnConn {
  duckdb_connection connection;
  TarnDb *db; /* borrowed */
};

struct TarnResult {
  duckdb_result result;
  duckdb_data_chunk *chunks;
  guint64 *first_row; /* of each chunk */
  guint n_chunks;
  guint64 n_rows;
  gboolean streaming; /* chunks and n_rows stay empty: whoever reads fetches chunk by chunk */
};

/* Sets *error from DuckDB's message: out of memory, no space and corruption are TARN_ERROR_ENVIRONMENT, the rest is code. */
void tarn_db_set_error(GError **error, TarnErrorCode code, const char *what, const char *message);
/* The same for a statement that failed: names its first line. */
void tarn_db_set_sql_error(GError **error, const char *sql, const char *message);
