/* Where the source was read to, as rows of the lakehouse file (tarn.positions): they move in the transaction of the rows that were read. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"
#include "lakehouse/ledger.h"
#include "stream/stream.h"

/* TarnPosition list; the caller owns it. */
GPtrArray *tarn_positions_load(TarnConn *conn, GError **error);
/* Adds what the source lost (TarnGap *) to tarn.gaps, under the report's run. */
gboolean tarn_gaps_save(TarnConn *conn, const GPtrArray *gaps, const TarnRunReport *report, GError **error);
/* Replaces all rows. */
gboolean tarn_positions_save(TarnConn *conn, const GPtrArray *positions, GError **error);

/* Those of now (TarnPosition *) that are not as they were before, as tarn.generations keeps them; caller frees. */
char *tarn_positions_moved(const GPtrArray *before, const GPtrArray *now);
