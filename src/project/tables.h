/* The project's tables, empty: what validation binds against and a first run begins with. */
#pragma once
#include "project/project.h"

/* Makes bronze and every model that binds. The names of the other models, and of those that read them, are added to
 * missing (borrowed from the project); a problem says why, once per file. FALSE: the engine failed. */
gboolean tarn_project_make_tables(const TarnProject *project, TarnConn *conn, GHashTable *missing, GPtrArray *problems,
                                  GError **error);
