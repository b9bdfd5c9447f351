-- Columns of table $1 that both files have; is it one of the key?
SELECT column_name, list_contains((SELECT key FROM diff_keys WHERE "table" = $1), column_name)
FROM duckdb_columns() WHERE database_name IN ('a', 'b') AND schema_name = 'main' AND table_name = $1
GROUP BY column_name HAVING count(*) = 2 ORDER BY min(column_index)
