/* What the rows of a result look like in JSON, as JSON Schema (2020-12): the types of docs/encoding.md told to programs.
 * In: a result, whose rows do not matter. Out: a schema; types of every depth, each value may be null. */
#pragma once
#include <jansson.h>

#include "lakehouse/db.h"

/* The schema of one row as an object with every column. notes: column name -> text for people, may be NULL. Errors:
 * TARN_ERROR_USAGE: a column's type has no encoding. The caller's. */
json_t *tarn_result_schema(TarnResult *result, GHashTable *notes, GError **error);
