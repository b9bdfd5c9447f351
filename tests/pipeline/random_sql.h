/* Random silver SELECTs and rows for property tests: the same seed gives the same text. */
#pragma once
#include <glib.h>

/* The columns that the SQL reads, as in CREATE TABLE t(...). */
extern const char random_sql_columns[];

/* A row as it stands in VALUES. Caller frees. */
char *random_sql_row(GRand *rand);
char *random_sql_null_row(void);

/* `SELECT ... FROM t WHERE ...`: row-wise, of expressions that may raise here and there. Caller frees. */
char *random_sql_select(GRand *rand);
