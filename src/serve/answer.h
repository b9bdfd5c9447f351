/* The answer to a query: its statement run on a worker of the generation, its rows as a response body, or a problem
 * document. What fails in the engine is told in the log alone, as it may hold the owner's SQL. */
#pragma once
#include <glib.h>

#include "serve/http.h"
#include "serve/query.h"
#include "serve/served.h"

void tarn_answer_write(const TarnQuery *query, TarnServed *served, TarnHttpResponse *response);
