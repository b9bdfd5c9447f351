-- The published schema as it is now.
DELETE FROM tarn.columns;
INSERT INTO tarn.columns
SELECT table_name, 'bronze', column_index, column_name, data_type, NULL
FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name = 'main' AND NOT internal
