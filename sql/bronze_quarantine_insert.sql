-- $1: bronze table, $2: microseconds since 1970, $3: run.
INSERT INTO tarn.quarantine
SELECT id, 'bronze', $1, seq, [struct_pack(column_name := NULL::VARCHAR, rule := rule, value := value)], raw, raw_size, raw_sha256,
       source_name, source_partition::INTEGER, source_offset, make_timestamp($2), $3
FROM {rejects}()
