/* The files of src/serve/web, which are part of the program: the page that shows the API to people, and the fixed parts of
 * its description. The page loads nothing from anywhere but this server, and says so to the browser. */
#pragma once
#include <glib.h>

#include "serve/http.h"

/* A file's text; NULL: there is none of that name. */
const char *tarn_web_text(const char *name);

/* Answers for /docs and what it loads. */
void tarn_web_answer(const char *route, TarnHttpResponse *response);
