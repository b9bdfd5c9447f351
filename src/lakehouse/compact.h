/* Gives unused space back: DuckDB reuses the blocks of dropped rows but never shrinks the file for them, so a file with many free blocks is written afresh.
 * In: the work file. Out: a smaller work file with the same tables, rows and row order. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"

/* Is at least two fifths of a file of at least 64 MiB unused? conn: to the checkpointed work file. */
gboolean tarn_compact_is_due(TarnConn *conn, gboolean *due, GError **error);

/* Rewrites the closed work file. temp_directory: where to spill. Failure leaves the work file as it was. Errors: no space, for both files stand side by side. */
gboolean tarn_compact(const char *work_path, const TarnDbOptions *options, GError **error);
