-- How the columns of tables that were there before differ now: kind, table, column, old type, new type.
WITH before AS (SELECT table_name, column_name, data_type FROM tarn.columns),
now AS (
  SELECT table_name, column_name, data_type
  FROM duckdb_columns()
  WHERE database_name = current_database() AND schema_name = 'main' AND NOT internal
    AND table_name IN (SELECT table_name FROM before)
)
SELECT coalesce(before.table_name, now.table_name), coalesce(before.column_name, now.column_name), before.data_type, now.data_type
FROM before FULL JOIN now USING (table_name, column_name)
WHERE before.data_type IS DISTINCT FROM now.data_type
  AND coalesce(before.table_name, now.table_name) IN (SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = 'main')
ORDER BY 1, 2
