/* Where the source was read to, as rows of the lakehouse file (tarn.positions): they move in the transaction of the rows that were read. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"
#include "stream/stream.h"

/* TarnPosition list; the caller owns it. */
GPtrArray *tarn_positions_load(TarnConn *conn, GError **error);
/* Replaces all rows. */
gboolean tarn_positions_save(TarnConn *conn, const GPtrArray *positions, GError **error);
