-- $1: first seq, $2: table.
INSERT INTO tarn_rest
SELECT seq FROM {bronze} WHERE seq >= $1
  AND seq NOT IN (SELECT seq FROM {table} WHERE seq >= $1)
  AND seq NOT IN (SELECT seq FROM tarn.duplicates WHERE table_name = $2 AND seq >= $1)
