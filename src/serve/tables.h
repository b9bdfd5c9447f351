/* The tables that the project gives to clients by name (serve.tables): which there are, and reads of them. Others are as if
 * they were not there. In: names, the project's models for their descriptions. Immutable, so threads may share it. */
#pragma once
#include <glib.h>

#include "project/project.h"
#include "serve/format.h"
#include "serve/query.h"
#include "serve/served.h"
#include "serve/target.h"

#define TARN_TABLES_ROUTE "/api/v1/tables"
#define TARN_TABLE_ROUTE TARN_TABLES_ROUTE "/{table}"

typedef struct TarnTables TarnTables;

/* names: ends with NULL, may be NULL: none. models: of TarnModel. Both must outlive it. */
TarnTables *tarn_tables_new(const char *const *names, const GPtrArray *models);
void tarn_tables_free(TarnTables *tables); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnTables, tarn_tables_free)

/* The list of TARN_TABLES_ROUTE: those that the generation has, with columns, types and notes. */
void tarn_tables_list(const TarnTables *tables, const TarnServed *served, TarnHttpResponse *response);

/* The query for TARN_TABLE_ROUTE (serve/table_read.h); prefer: the request's header, may be NULL. NULL: the response says
 * what is wrong (404, 422). */
TarnQuery *tarn_tables_query(const TarnTables *tables, const TarnServed *served, const TarnTarget *target,
                             TarnFormat format, const char *prefer, TarnHttpResponse *response);
