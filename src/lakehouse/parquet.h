/* A query's rows as a Parquet file that reads back as the same values. Types that Parquet has not, or that DuckDB would round
 * there (HUGEINT, UHUGEINT, TIMETZ, INTERVAL), become the texts that DuckDB reads them from, unions become JSON: also
 * within lists, structs and maps. Memory is bounded by a row group. In: SQL, a path in the folder that the database may
 * write to (TarnDbOptions.writable_folder). Belongs to the thread of its connection. */
#pragma once
#include <glib.h>

#include "lakehouse/statement.h"

/* Binds the parameters of sql, which may decide on its columns: called for every statement made of it. */
typedef gboolean (*TarnParquetBind)(gconstpointer user, TarnStatement *statement, GError **error);

/* The statement that writes the file, bound. max_rows: rows after these are left out; 0: no bound. bind may be NULL. */
TarnStatement *tarn_parquet_prepare(TarnConn *conn, const char *sql, TarnParquetBind bind, gconstpointer user,
                                    const char *path, guint64 max_rows, GError **error);

/* Runs it. *rows: how many are in the file. Errors, after which a file that is no good may be left behind:
 * TARN_ERROR_ENVIRONMENT: no space; TARN_ERROR_USAGE: the file grows beyond max_bytes (0: no bound). */
gboolean tarn_parquet_write(TarnStatement *statement, const char *path, guint64 max_bytes, guint64 *rows,
                            GError **error);
