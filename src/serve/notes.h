/* What is noted of a request on its way, for its last headers, its log line and the metrics: the server's part of
 * TarnHttpRequest.data. Made when the request comes, freed when it is done; belongs to whoever has the request. */
#pragma once
#include "serve/access.h"
#include "serve/http.h"

typedef struct {
  TarnGrant grant;
  const char *route; /* pattern, lives as long as the server; NULL: none fits */
  gint64 generation; /* that answers; 0: none */
  const char *cache; /* static text, such as "hit"; NULL: it was not asked */
  gint64 queued_us;
} TarnNotes;

static inline TarnNotes *tarn_notes(TarnHttpRequest *request) { return (TarnNotes *)request->data; }
