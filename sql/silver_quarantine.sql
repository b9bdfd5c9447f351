-- $1: first id, $2: table, $3: microseconds since 1970, $4: run.
INSERT INTO tarn.quarantine
SELECT $1 + row_number() OVER (ORDER BY seq) - 1, 'silver', $2, seq, reasons, NULL, NULL, NULL,
       source_name, source_partition, source_offset, make_timestamp($3), $4
FROM (SELECT seq, {reasons} AS reasons, source_name, source_partition, source_offset FROM {from})
WHERE len(reasons) > 0
