/* The answers of one endpoint that its generation holds already, rendered by the run (`precompute: true`). They are read when
 * the generation is opened, and only where they were rendered from the endpoint's file as the server has it: else there are
 * none, and its SQL is run. In: the open file, an endpoint; a query. Out: the JSON body, byte for byte what the query would
 * give. Immutable once read, so threads may share it; memory is bounded by TARN_PRECOMPUTE_BYTES for all endpoints. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"
#include "project/project.h"
#include "serve/query.h"

typedef struct TarnPrecomputed TarnPrecomputed;

/* Sets *precomputed to what the file has; NULL: nothing that fits. The text is copied: conn may be closed. */
gboolean tarn_precomputed_read(TarnConn *conn, const TarnEndpoint *endpoint, TarnPrecomputed **precomputed,
                               GError **error);
void tarn_precomputed_free(TarnPrecomputed *precomputed); /* accepts NULL */

/* Appends the body that answers a query of the endpoint as JSON. FALSE: it is none of those that are held. */
gboolean tarn_precomputed_write(const TarnPrecomputed *precomputed, const TarnQuery *query, GString *body);
