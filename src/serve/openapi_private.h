/* What openapi*.c share: the parts of the document that come from one endpoint or one table. */
#pragma once
#include <jansson.h>

#include "lakehouse/catalog.h"
#include "project/project.h"

/* The operation behind the route. row: schema of a row, borrowed; NULL: it is not known. */
json_t *tarn_openapi_operation(const TarnEndpoint *endpoint, json_t *row, gboolean keyed);
/* The schema of the endpoint's rows, as the generation has them; NULL: it cannot be told. */
json_t *tarn_openapi_row_schema(const TarnEndpoint *endpoint, TarnConn *conn);

/* Reads of a published table (serve/table_read.h). description may be NULL. */
json_t *tarn_openapi_table_operation(const TarnCatalogTable *table, const char *description, TarnConn *conn,
                                     gboolean keyed);

/* The responses that are problem documents, by status, for components. */
json_t *tarn_openapi_problem_responses(gboolean keyed);
/* A 200 with that schema, which is taken, and every other status that a read may have. */
json_t *tarn_openapi_responses(const char *description, json_t *schema, gboolean keyed);
/* Appends those that every read takes: format, generation. */
void tarn_openapi_add_shared_parameters(json_t *parameters);
