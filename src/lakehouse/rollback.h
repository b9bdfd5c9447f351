/* Publishes an older generation's content again, under a new number. The ledger (generations, runs) of the later ones
 * stays; positions are those of the old content, so the next run reads on from there. Sets the hold (tarn.meta) that
 * stops scheduled runs until `tarn run --resume`. */
#pragma once
#include <glib.h>

#include "lakehouse/generation.h"

#define TARN_HOLD_KEY "hold" /* of tarn.meta: "rollback to N at TIMESTAMP" while runs are held */

typedef struct {
  gint64 target;   /* whose content it is */
  gint64 replaced; /* what was published before; 0: it could not be read */
  gint64 published;
} TarnRollback;

/* target 0: the newest kept generation. Removes no kept generation. Needs the lock; the database is closed in this
 * process. Passes the clone.* and publish.* fault points. Errors: there is no such generation (TARN_ERROR_USAGE); as
 * tarn_lakehouse_begin and _publish. */
gboolean tarn_rollback(TarnLakehouse *lakehouse, gint64 target, TarnRollback *done, GError **error);
