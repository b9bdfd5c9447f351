-- All of bronze with scores by the rules of today.
INSERT INTO tarn_bronze_rescored
SELECT {envelope} raw_payload, extra, {score}, {reasons}, ingested_at, seq, source_name, source_partition, source_offset,
  record_key, record_headers, record_timestamp, tombstone
FROM (SELECT *, {failed} AS failed FROM (SELECT *{shared} FROM {table}))
