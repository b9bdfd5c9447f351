/* A read of a published table, made of a request's query string: select, filters, order, limit, cursor, count in the
 * grammar of PostgREST (docs/api.md tells it for users). In: the generation's catalog, a target. Out: a query whose SQL
 * names only columns of the table and whose values are bound; or a problem document that names every wrong parameter and
 * lists what there is. Does no I/O.
 * With a limit, and in JSON always, the answer is a page: it is in a total order, tells the rows' range and the address of
 * the next page (Link), from which no row is missing or repeated. Without one it is all rows, in no order but that asked for. */
#pragma once
#include <glib.h>

#include "lakehouse/catalog.h"
#include "serve/format.h"
#include "serve/query.h"
#include "serve/target.h"

typedef struct {
  const TarnCatalogTable *table;
  gint64 generation;
  TarnFormat format;
  const char *prefer; /* the request's header Prefer: count=exact is known; may be NULL */
} TarnTableRead;

/* NULL: the response says what is wrong (422). */
TarnQuery *tarn_table_read_query(const TarnTableRead *read, const TarnTarget *target, TarnHttpResponse *response);

/* Content-Range and Link of a page, whose whole result it is. */
void tarn_table_page_describe(const TarnQuery *query, const TarnResult *result, TarnHttpResponse *response);
