/* What a prepared statement is, for the files of this room. */
#pragma once
#include "lakehouse/db_private.h"
#include "lakehouse/statement.h"

struct TarnStatement {
  duckdb_prepared_statement prepared;
  char *sql; /* for messages */
};
