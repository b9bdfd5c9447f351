-- The columns of tarn's table $1 as from_json wants them.
SELECT '[' || json_group_object(column_name, data_type)::VARCHAR || ']' FROM duckdb_columns()
WHERE database_name = current_database() AND schema_name = 'tarn' AND table_name = $1
