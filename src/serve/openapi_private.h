/* What openapi*.c share: the parts of the document that come from one endpoint. */
#pragma once
#include <jansson.h>

#include "project/project.h"
#include "serve/served.h"

/* The operation behind the route. row: schema of a row, borrowed; NULL: it is not known. */
json_t *tarn_openapi_operation(const TarnEndpoint *endpoint, json_t *row, gboolean keyed);
/* The schema of a parameter's values. */
json_t *tarn_openapi_param_schema(const TarnParam *param);
/* The responses that are problem documents, by status, for components. */
json_t *tarn_openapi_problem_responses(gboolean keyed);
/* Adds references to those that any request may get. */
void tarn_openapi_add_problems(json_t *responses, gboolean keyed);

/* The schema of the endpoint's rows, as the generation has them; NULL: it cannot be told. */
json_t *tarn_openapi_row_schema(const TarnEndpoint *endpoint, TarnConn *conn);
