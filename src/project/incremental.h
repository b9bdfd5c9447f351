/* Which gold models can be kept up to date key by key.
 * Such a model is one SELECT from bronze or one silver table, grouped by exactly its key columns under their own names,
 * so that a key's row depends on that key's rows alone. No join, subquery, window, DISTINCT, LIMIT, sample or volatile
 * function. */
#pragma once
#include "project/project.h"

/* Adds a problem for the first thing that stands in the way. The model's SQL parses and binds.
 * FALSE: the engine failed. */
gboolean tarn_incremental_check(const TarnProject *project, const TarnModel *model, TarnConn *conn, GPtrArray *problems,
                                GError **error);
