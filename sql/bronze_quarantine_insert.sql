-- $1: bronze table, $2: microseconds since 1970, $3: run.
INSERT INTO tarn.quarantine BY NAME
SELECT id, 'bronze' AS layer, $1 AS table_name, seq,
  [struct_pack(column_name := NULL::VARCHAR, rule := rule, value := value)] AS reasons, raw, raw_size, raw_sha256,
  source_name, source_partition::INTEGER AS source_partition, source_offset, make_timestamp($2) AS quarantined_at, $3 AS run_id,
  record_key, record_headers, make_timestamp(record_timestamp) AS record_timestamp
FROM {rejects}()
