/* The server's lines on standard error: one JSON line per request, one line (or JSON) per failed request. Thread-safe:
 * each line is one write. Queries are left out, as they may hold what should not be kept. */
#pragma once
#include "serve/http.h"

void tarn_access_log_request(const TarnHttpRequest *request, guint status, guint64 body_size, gint64 elapsed_us);
void tarn_access_log_failure(const TarnHttpRequest *request, const GError *error, gboolean as_json);
