/* The bronze table's shape: the one place that knows its columns.
 * Order: the envelope fields (VARCHAR, as the project names them), raw_payload JSON, extra JSON, quality_score INTEGER,
 * quality_reasons VARCHAR[], ingested_at TIMESTAMP, seq BIGINT, source_name VARCHAR, source_partition INTEGER, source_offset BIGINT;
 * then what only records of Kafka have: record_key BLOB, record_headers JSON ([{"name":, "value": or "base64":}, ...]), record_timestamp
 * TIMESTAMP, and tombstone BOOLEAN (never NULL): a key without a value, whose envelope and payload are NULL. */
#pragma once
#include <glib.h>

/* CREATE TABLE <table> (...) ; caller frees. */
char *tarn_bronze_create_sql(const char *table, const char *const *envelope);

/* The envelope's columns, quoted, each with a comma behind it: for a list that goes on with the other columns. Caller frees. */
char *tarn_bronze_envelope_sql(const char *const *envelope);
