/* What a published file says of its tables: names, layers, columns with types and notes (tarn.columns). In: a connection
 * to a published file. Out: a list that is the caller's and needs no connection; gold comes first. Immutable, so threads
 * may share it. Tarn's own tables are not in it. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"

typedef struct {
  char *name;
  char *type; /* as DuckDB writes it: "DECIMAL(10,2)" */
  char *note; /* may be NULL */
} TarnCatalogColumn;

typedef struct {
  char *name;
  char *layer;        /* bronze, silver, gold */
  gint64 rows;        /* -1: not known */
  GPtrArray *columns; /* TarnCatalogColumn, in the table's order */
} TarnCatalogTable;

GPtrArray *tarn_catalog_read(TarnConn *conn, GError **error);

/* By exact name; NULL: there is none. */
const TarnCatalogTable *tarn_catalog_table(const GPtrArray *catalog, const char *name);
const TarnCatalogColumn *tarn_catalog_column(const TarnCatalogTable *table, const char *name);
