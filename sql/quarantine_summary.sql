-- Why records were refused: one row for each layer, table, column and rule, the most frequent first, with the first record as the example.
-- A record with several reasons counts in each of them and once in the total. $1 layer or NULL, $2 text in a reason or NULL.
WITH chosen AS (
  SELECT id, layer, table_name, unnest(reasons) AS r FROM tarn.quarantine WHERE $1::VARCHAR IS NULL OR layer = $1),
failed AS (
  SELECT id, layer, table_name, r.column_name AS column_name, r.rule AS rule, r.value AS value FROM chosen
  WHERE $2::VARCHAR IS NULL OR contains(lower(concat_ws(': ', r.column_name, r.rule)), lower($2::VARCHAR))),
totals AS (SELECT layer, table_name, count(DISTINCT id) AS total FROM failed GROUP BY ALL)
SELECT f.layer, f.table_name, t.total, f.column_name, f.rule, count(*) AS records, min(f.id) AS example_id, arg_min_null(f.value, f.id) AS example
FROM failed f JOIN totals t ON f.layer = t.layer AND f.table_name IS NOT DISTINCT FROM t.table_name
GROUP BY ALL
ORDER BY f.layer, f.table_name, records DESC, f.column_name, f.rule
