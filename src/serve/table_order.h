/* The order of a table's rows and places in it: "total_events.desc.nullslast,plan". Ties are broken by the row's number in
 * the file, so that the order is total and a page goes on exactly behind the one before. As in PostgreSQL NULLs are
 * larger than any value, unless nullsfirst or nullslast is said.
 * A cursor tells the last row of a page: its generation, its number, its values in the order's columns. It belongs to one
 * table, order and generation. It is not secret, and a forged one only moves the place. */
#pragma once
#include <glib.h>

#include "lakehouse/catalog.h"
#include "serve/query.h"

typedef struct {
  const TarnCatalogColumn *column;
  gboolean descending, nulls_first;
} TarnTableOrderTerm;

/* Adds TarnTableOrderTerm. NULL: done; else what is wrong, the caller's. */
char *tarn_table_order_read(const TarnCatalogTable *table, const char *text, GArray *terms);

/* "a" DESC NULLS LAST, rowid */
void tarn_table_order_append(const GArray *terms, GString *sql);
/* The columns from which the cursor of a row is made: their texts, then the row's number. */
void tarn_table_order_append_keys(const GArray *terms, GString *sql);

/* What every cursor of this order begins with. Caller frees. */
char *tarn_table_cursor_prefix(const TarnCatalogTable *table, gint64 generation, const GArray *terms);
/* The cursor behind a row of a result; first: the column of its first key. Caller frees. */
char *tarn_table_cursor_write(const char *prefix, const TarnResult *result, guint64 row, guint first, guint n_keys);
/* Appends the condition for the rows behind the cursor. NULL: done; else what is wrong with it, the caller's. */
char *tarn_table_cursor_append(const char *cursor, const char *prefix, const TarnCatalogTable *table,
                               const GArray *terms, TarnQuery *query, GString *sql);
