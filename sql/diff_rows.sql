-- Rows of {table} that are in one file only or have other values.
CREATE OR REPLACE TEMP TABLE row_changes AS
SELECT CASE WHEN x.tarn_here IS NULL THEN 'added' WHEN y.tarn_here IS NULL THEN 'removed' ELSE 'changed' END AS change,
  [{keys}] AS tarn_key, list_filter([{differing}], lambda name: name IS NOT NULL) AS tarn_columns
FROM (SELECT TRUE AS tarn_here, * FROM a.main.{table}) x FULL JOIN (SELECT TRUE AS tarn_here, * FROM b.main.{table}) y ON {same_key}
WHERE x.tarn_here IS NULL OR y.tarn_here IS NULL OR len(tarn_columns) > 0
