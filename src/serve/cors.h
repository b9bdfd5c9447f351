/* Which web pages of other origins may read answers in a browser (CORS, as the Fetch standard has it). In: the origins that the
 * project allows, a request. Out: the preflight's answer, headers for the others. Keys travel in headers, never in cookies, so
 * credentials are not allowed. Stateless. */
#pragma once
#include <glib.h>

#include "serve/http.h"

/* origins: "https://app.example" or "*"; ends with NULL; empty: no page of another origin may. */

/* TRUE: the request is a preflight, and response is the answer to it, 204 or a problem that says what the project would have to
 * allow. FALSE: it is none, or the project allows no origin at all. */
gboolean tarn_cors_answer_preflight(const char *const *origins, const TarnHttpRequest *request,
                                    TarnHttpResponse *response);
void tarn_cors_set_headers(const char *const *origins, const TarnHttpRequest *request, TarnHttpResponse *response);
