/* Does SQL fit the tables? In: a connection whose database holds them, SQL. Out: nothing, or DuckDB's own complaint
 * with its place. Runs nothing. */
#pragma once
#include <glib.h>

#include "lakehouse/ast.h"

/* FALSE: *error (TARN_ERROR_USAGE) is one line, its hint what DuckDB suggests; *position is {0,0} where DuckDB tells no
 * place. */
gboolean tarn_sql_bind(TarnConn *conn, const char *sql, TarnSqlPosition *position, GError **error);
