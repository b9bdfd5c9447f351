/* Problem documents (RFC 9457): every response that is no success. Detail says what is wrong in one sentence, hint what
 * to do; neither ever holds SQL, paths of files or words of a library. request_id is the one of log and response header, instance
 * the path that was asked for. */
#pragma once
#include <glib.h>

#include "base/json_writer.h"
#include "serve/http.h"

/* status: one that has a title in problem.c, else an assertion. Begins the document in response->body and sets status and content type; the caller may add members and must call
 * _end. hint may be NULL. */
void tarn_http_problem_begin(TarnHttpResponse *response, TarnJsonWriter *json, guint status, const char *hint,
                             const char *detail);
void tarn_http_problem_end(TarnJsonWriter *json);

/* Both at once. */
void tarn_http_problem_write(TarnHttpResponse *response, guint status, const char *hint, const char *detail);
