/* The server's lines on standard error: one JSON line per request, one line (or JSON) per failed request and per event. Thread-safe:
 * each line is one write. Queries and headers are left out, as they may hold what should not be kept. */
#pragma once
#include "serve/http.h"
#include "serve/notes.h"

void tarn_access_log_request(const TarnHttpRequest *request, const TarnNotes *notes, guint status, guint64 body_size,
                             gint64 elapsed_us);
void tarn_access_log_failure(const TarnHttpRequest *request, const GError *error, gboolean as_json);
/* level: "info", "warning"; hint may be NULL. */
void tarn_access_log_event(const char *level, const char *message, const char *hint, gboolean as_json);
