/* The examples of an endpoint, which are requests: would the server take them? In: a loaded endpoint. Out: a problem
 * for each that it would refuse. Knows nothing of the rows, so an example may find none. */
#pragma once
#include "project/project.h"

void tarn_endpoint_examples_check(const TarnEndpoint *endpoint, GPtrArray *problems);
