SELECT column_name, data_type FROM duckdb_columns()
WHERE database_name = 'temp' AND table_name = 'tarn_shape'
ORDER BY column_index
