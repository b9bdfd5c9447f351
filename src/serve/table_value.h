/* A text of a request as a value to compare a column with: checked against the column's type, bound, never pasted. What
 * passes the check never makes the statement fail. In: a published column, a text in the encoding of docs/encoding.md.
 * Out: SQL appended, values added to a query by position ($1 ...). */
#pragma once
#include <glib.h>

#include "lakehouse/catalog.h"
#include "serve/query.h"

/* Can values of the column be compared and ordered (numbers, texts, times ...; no lists, structs, maps, intervals)? */
gboolean tarn_table_column_is_scalar(const TarnCatalogColumn *column);
/* Can it be matched with a pattern? */
gboolean tarn_table_column_is_text(const TarnCatalogColumn *column);

/* t."name": the table stands as t in every statement, so that no alias of a select list can hide a column. Caller frees. */
char *tarn_table_column_sql(const TarnCatalogColumn *column);
/* Appends the column as what its values are compared as. */
void tarn_table_value_append_column(const TarnCatalogColumn *column, GString *sql);

/* Appends an expression for the text. NULL: done; else what is wrong with it, the caller's. */
char *tarn_table_value_append(const TarnCatalogColumn *column, const char *text, TarnQuery *query, GString *sql);
/* Appends a bound value as it is, without a look at a column. */
void tarn_table_value_append_bound(const TarnValue *value, TarnQuery *query, GString *sql);
