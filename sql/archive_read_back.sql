-- What a file holds, to be compared with what it was written from.
SELECT count(*), coalesce(sum(hash({arguments})), 0)::VARCHAR FROM read_parquet({file}, hive_partitioning = false)
