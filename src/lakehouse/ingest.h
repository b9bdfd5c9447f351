/* Rows from a C callback as a DuckDB table function: INSERT INTO t SELECT ... FROM name(). DuckDB calls fill from several
 * threads at once, each with a state of its own.
 * In: column names and types, callbacks. Out: a table function, valid as long as its database is open. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"

/* JSON takes text that is known to be valid JSON. */
typedef enum { TARN_COLUMN_VARCHAR, TARN_COLUMN_JSON, TARN_COLUMN_BIGINT, TARN_COLUMN_BLOB } TarnColumnType;

typedef struct {
  const char *name;
  TarnColumnType type;
} TarnIngestColumn;

/* A block of rows being filled; rows are 0..TARN_INGEST_ROWS-1. */
typedef struct TarnIngestChunk TarnIngestChunk;
#define TARN_INGEST_ROWS 2048

void tarn_ingest_set_text(TarnIngestChunk *chunk, guint column, guint row, const char *text,
                          gsize size); /* valid UTF-8, or BLOB bytes */
void tarn_ingest_set_int(TarnIngestChunk *chunk, guint column, guint row, gint64 value);
void tarn_ingest_set_null(TarnIngestChunk *chunk, guint column, guint row);

typedef struct {
  const TarnIngestColumn *columns;
  guint n_columns;                       /* at most 64 */
  guint max_threads;                     /* 0: as many as the connection has */
  gpointer (*thread_new)(gpointer user); /* may be NULL */
  void (*thread_free)(gpointer state);
  /* Fills up to TARN_INGEST_ROWS rows, sets *n_rows; 0 rows ends this thread's part. Called concurrently. FALSE with *error set fails the query
   * (the error is handed on unchanged by tarn_ingest_take_error). */
  gboolean (*fill)(gpointer user, gpointer state, TarnIngestChunk *chunk, guint *n_rows, GError **error);
  gpointer user;
} TarnIngestSource;

typedef struct TarnIngest TarnIngest;

/* Registers a table function of a new name on the connection's database, which owns the result. source and its columns are copied; user
 * must live as long as queries read from it. */
TarnIngest *tarn_ingest_register(TarnConn *conn, const TarnIngestSource *source, GError **error);
const char *tarn_ingest_name(const TarnIngest *ingest); /* a plain identifier: FROM <name>() */
/* The first error that fill reported since the last call, or NULL: replaces DuckDB's wrapping of it. */
GError *tarn_ingest_take_error(TarnIngest *ingest);
