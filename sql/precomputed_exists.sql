-- Does database $1 have the table of rendered answers? Files of older programs have none.
SELECT count(*) FROM duckdb_tables() WHERE database_name = $1 AND schema_name = 'tarn' AND table_name = 'precomputed'
