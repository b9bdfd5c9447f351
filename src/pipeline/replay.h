/* Offers the records of bronze quarantine again: after a limit of the project changed, or a fault of an older Tarn was mended.
 * In: a connection in a transaction, what an ingest needs. Out: those that are events now are bronze rows with a new seq and leave quarantine; the others
 * stay with the reasons of today. Records whose whole bytes neither the store nor the source has are left as they are. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"
#include "pipeline/bronze_ingest.h"
#include "project/project.h"

/* ingest: as for tarn_bronze_ingest, but for the stream, which is made here. counts: next_seq and next_quarantine_id are where the counters stand after;
 * received: records offered. */
gboolean tarn_replay(const TarnProject *project, const TarnBronzeIngest *ingest, TarnBronzeCounts *counts,
                     GError **error);
