/* Endpoints from their files: route, typed parameters, SQL. */
#pragma once
#include "project/keytable.h"
#include "project/sqlfile.h"

extern const TarnKey tarn_endpoint_keys[];

/* Never NULL; problems say what is wrong. */
TarnEndpoint *tarn_endpoint_new(const TarnLoading *loading, TarnSqlFile *file);
void tarn_endpoint_free(TarnEndpoint *endpoint); /* accepts NULL */

/* Two endpoints on one route, or one on a route that the server answers itself. */
void tarn_endpoints_check_routes(const GPtrArray *endpoints, GPtrArray *problems);
