/* The answers of endpoints with `precompute: true` (project/precompute.h), rendered in the encoding of the API.
 * In: a connection to a file whose models are built. Out: tarn.precomputed holds the project's answers and no others;
 * servers read them when they open the generation. In the caller's transaction. Errors: TARN_ERROR_USAGE where they take
 * more than TARN_PRECOMPUTE_BYTES; those of the endpoints' SQL. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"
#include "project/project.h"

gboolean tarn_project_precomputes(const TarnProject *project);

/* *answers: how many there are now. */
gboolean tarn_precompute_render(TarnConn *conn, const TarnProject *project, gint64 *answers, GError **error);
