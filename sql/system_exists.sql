-- Is Tarn's schema in this file?
SELECT count(*) FROM duckdb_tables()
WHERE database_name = current_database() AND schema_name = 'tarn' AND table_name = 'meta'
