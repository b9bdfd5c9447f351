/* Filters in the grammar of PostgREST, compiled to SQL: "total_events=gte.5", "or=(plan.eq.Prepaid,plan.is.null)". Names are
 * checked against the table's columns and quoted, values are bound. In: decoded names and texts of a request. Out: one
 * condition appended. */
#pragma once
#include <glib.h>

#include "lakehouse/catalog.h"
#include "serve/query.h"

typedef struct {
  const TarnCatalogTable *table;
  TarnQuery *query; /* gets the values, by position */
  GString *sql;     /* gets the condition */
} TarnTableFilter;

/* Appends what the parameter asks for. NULL: done; else what is wrong, the caller's; sql and query are then of no use. */
char *tarn_table_filter_append(const TarnTableFilter *filter, const char *name, const char *text);

/* The operators, ending with NULL, for messages. */
const char *const *tarn_table_filter_operators(void);

/* A name at *at, plain (up to one of the characters of `ends`) or in double quotes; *at goes behind it. NULL: a quote is
 * not closed. Caller frees. */
char *tarn_table_name_read(const char **at, const char *ends);
/* The column of that name; NULL: *wrong says so and which is near, the caller's. */
const TarnCatalogColumn *tarn_table_name_find(const TarnCatalogTable *table, const char *name, char **wrong);
