-- Scores the events of a batch and appends them to bronze. failed: one bit per quality rule; $1: microseconds since 1970.
INSERT INTO {table}
SELECT {envelope} raw_payload, extra, {score}, {reasons}, make_timestamp($1), seq, source_name, source_partition::INTEGER, source_offset,
  record_key, record_headers, record_timestamp, tombstone
FROM (
  SELECT *, {failed} AS failed
  FROM (SELECT *{shared}
        FROM (SELECT * REPLACE (make_timestamp(record_timestamp) AS record_timestamp, tombstone <> 0 AS tombstone) FROM {events}())))
