-- $1: first id, $2: table, $3: microseconds since 1970, $4: run.
INSERT INTO tarn.quarantine BY NAME
SELECT $1 + row_number() OVER (ORDER BY seq) - 1 AS id, 'silver' AS layer, $2 AS table_name, seq, reasons,
  source_name, source_partition, source_offset, make_timestamp($3) AS quarantined_at, $4 AS run_id
FROM (SELECT seq, {reasons} AS reasons, source_name, source_partition, source_offset FROM {from})
WHERE len(reasons) > 0
