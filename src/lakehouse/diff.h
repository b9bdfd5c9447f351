/* What is different between two generations: rows per table, columns, and the rows of gold tables by key.
 * In: two closed lakehouse files. Out: an in-memory database with both files attached read-only and the answer as its
 * tables: diff_tables(layer, table, from_rows, to_rows, same_content)   one row per table; a count is NULL where there
 * is no such table diff_columns(table, column, from_type, to_type)               differences only; a type is NULL where
 * there is no such column diff_keys(table, key, added, removed, changed)                gold tables that have the same
 * key in both diff_rows(table, change, key, columns)                        the first of those rows, by key; columns:
 * those whose values differ One thread. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"

typedef struct {
  TarnDb *db;
  TarnConn *conn;
  gint64 from, to; /* numbers of the generations */
} TarnDiff;

/* limit: at most so many rows per table are listed. FALSE: nothing is open. Errors: a file that cannot be read. */
gboolean tarn_diff_open(TarnDiff *diff, const char *from_path, const char *to_path, gint64 limit, GError **error);
void tarn_diff_clear(TarnDiff *diff); /* safe on a zeroed or cleared one */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TarnDiff, tarn_diff_clear)
