/* An endpoint of the project, ready to answer: its parameters' readers and where they stand in the route. In: a
 * request's target. Out: a query, or a problem document that names every wrong parameter. Immutable, so threads may
 * share it. */
#pragma once
#include <glib.h>

#include "project/project.h"
#include "serve/http.h"
#include "serve/query.h"
#include "serve/served.h"
#include "serve/target.h"

typedef struct TarnEndpointPlan TarnEndpointPlan;

/* endpoint must outlive the plan; statement: its number among those of the generation. Errors: TARN_ERROR_USAGE: a
 * parameter's default or pattern is wrong; a path parameter that the route does not have. */
TarnEndpointPlan *tarn_endpoint_plan_new(const TarnEndpoint *endpoint, guint statement, GError **error);
void tarn_endpoint_plan_free(TarnEndpointPlan *plan); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnEndpointPlan, tarn_endpoint_plan_free)

/* Does the SQL use only parameters that are declared? */
gboolean tarn_endpoint_plan_check(const TarnEndpointPlan *plan, TarnServedWorker *worker, GError **error);

/* The query that the target asks for; NULL: the response says what is wrong with its parameters (422). */
TarnQuery *tarn_endpoint_plan_query(const TarnEndpointPlan *plan, const TarnTarget *target, TarnHttpResponse *response);
