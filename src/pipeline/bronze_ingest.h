/* Records to bronze rows, scored, and to bronze quarantine. In: an open stream and a connection whose database has the tables. Out: rows
 * and counts. Reads and parses on several threads; memory is bounded by batches and a cap on held rejects, never by the input.
 * Writes only rows; the caller owns the transaction, the stream's positions and the counters. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"
#include "project/project.h"
#include "stream/stream.h"

typedef struct {
  const TarnConfig *config;
  TarnConn *conn;
  TarnStream *stream;
  gint64 first_seq; /* of the first record; every record gets one, quarantined or not */
  gint64 first_quarantine_id;
  gint64 now_us; /* ingested_at */
  const char *run_id;
  void (*progress)(const TarnStreamProgress *progress, gpointer user); /* may be NULL; one thread at a time */
  gpointer user;
} TarnBronzeIngest;

typedef struct {
  gint64 next_seq;
  gint64 next_quarantine_id;
  gint64 bronze;      /* rows that went to bronze, as the engine counted them */
  gint64 quarantined; /* rows that went to quarantine, as the engine counted them */
  gint64 received;    /* records, as the stream counted them */
} TarnBronzeCounts;

gboolean tarn_bronze_ingest(const TarnBronzeIngest *ingest, TarnBronzeCounts *counts, GError **error);
