-- Rows of archived files; columns that the files do not have are NULL.
INSERT INTO {table} BY NAME SELECT * FROM read_parquet([{files}], hive_partitioning = false, union_by_name = true)
