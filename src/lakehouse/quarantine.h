/* The quarantine store of a lakehouse file, for readers: what was refused, why, and what is left of it.
 * In: a connection (read-only will do). Out: records by page, counts by reason. Lists and records are the caller's. */
#pragma once
#include <glib.h>

#include "lakehouse/db.h"

typedef struct {
  const char *layer;  /* "bronze" or "silver"; NULL: both */
  const char *reason; /* text that a reason's "column: rule" contains, whatever the case; NULL: any */
  gint64 after;       /* ids above this one; 0: from the first */
  gint64 limit;       /* at most so many records */
} TarnQuarantineFilter;

typedef struct {
  gint64 id;
  char *layer;      /* bronze: a record that is no event; silver: a bronze row that the model `table` refused */
  char *table;      /* may be NULL */
  gint64 seq;       /* of the bronze row; silver only */
  char *reasons;    /* JSON: [{"column_name":..., "rule":..., "value":...}, ...] */
  GString *raw;     /* bronze: the record's bytes as far as they were kept; NULL: none */
  gint64 raw_size;  /* of the whole record; larger than raw where that is only its beginning */
  char *raw_sha256; /* of the whole record where it was cut; else NULL */
  char *source_name;
  gint32 source_partition;
  gint64 source_offset; /* -1: unknown */
  char *quarantined_at; /* UTC, ISO 8601 */
  char *run_id;
  /* Of a record of Kafka: */
  GString *key;        /* NULL: none */
  char *headers;       /* JSON as in bronze (lakehouse/bronze.h), NULL: none */
  gint64 timestamp_us; /* since 1970, 0: unknown */
  gboolean tombstone;  /* a key without a value */
  /* Of the bronze row, silver only: */
  GString **envelope; /* one value for each envelope column, NULL where it is NULL */
  guint n_envelope;
  char *payload; /* JSON text, may be NULL */
  char *extra;   /* JSON object text, may be NULL */
} TarnQuarantineRecord;

void tarn_quarantine_record_free(TarnQuarantineRecord *record); /* accepts NULL */

/* What the bronze table is called and which columns its envelope has. */
typedef struct {
  const char *bronze_table;
  const char *const *envelope;
} TarnQuarantineShape;

/* The next page by id (TarnQuarantineRecord); an empty one is the end. */
GPtrArray *tarn_quarantine_records(TarnConn *conn, const TarnQuarantineShape *shape, const TarnQuarantineFilter *filter,
                                   GError **error);

typedef struct {
  char *layer, *table;
  gint64 total; /* records of this layer and table that the filter lets through */
  char *column, *rule;
  gint64 records; /* that fail this rule; one with several reasons counts in each */
  gint64 example_id;
  char *example; /* offending value of that record, may be NULL */
} TarnQuarantineCount;

void tarn_quarantine_count_free(TarnQuarantineCount *count); /* accepts NULL */

/* Counts by layer, table, column and rule (TarnQuarantineCount), the most frequent of each table first. after and limit
 * are ignored. */
GPtrArray *tarn_quarantine_summary(TarnConn *conn, const TarnQuarantineFilter *filter, GError **error);

/* A silver reject as the event that its bronze row says: same fields and values, one JSON line. payload: that field's
 * name. */
GString *tarn_quarantine_rebuild(const TarnQuarantineRecord *record, const char *const *envelope, const char *payload);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TarnQuarantineRecord, tarn_quarantine_record_free)
