/* A prepared statement: parsed once, run many times with values bound by position or by name ($limit).
 * In: one SQL statement, values. Out: a TarnResult, whole or as a stream. Belongs to the thread of its connection and
 * is freed before it. Values stay bound until they are bound again. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"

typedef struct TarnStatement TarnStatement;

/* Errors: what DuckDB says of the SQL; several statements or none. */
TarnStatement *tarn_statement_prepare(TarnConn *conn, const char *sql, GError **error);
void tarn_statement_free(TarnStatement *statement); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnStatement, tarn_statement_free)

/* Does it only read: SELECT, VALUES, FROM, DESCRIBE, SHOW, SUMMARIZE, EXPLAIN. */
gboolean tarn_statement_is_query(const TarnStatement *statement);

guint tarn_statement_n_parameters(const TarnStatement *statement);
/* The name of parameter index (1..n), without the dollar sign. Caller frees. */
char *tarn_statement_parameter_name(const TarnStatement *statement, guint index);
/* The index (1..n) of $name; 0: the statement has none. */
guint tarn_statement_parameter_index(const TarnStatement *statement, const char *name);

/* Text and blob are copied. */
gboolean tarn_statement_bind(TarnStatement *statement, guint index, const TarnValue *value, GError **error);

/* Runs it; all rows are in memory when this returns. */
TarnResult *tarn_statement_query(TarnStatement *statement, GError **error);

/* Runs it; rows are computed as lakehouse/rows.h reads them, so memory stays bounded and an error may come late.
 * tarn_result_rows is 0. The result must be freed before the connection is used again. */
TarnResult *tarn_statement_stream(TarnStatement *statement, GError **error);
