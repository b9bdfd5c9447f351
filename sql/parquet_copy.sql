-- A query's rows into a Parquet file.
COPY (
  SELECT {columns} FROM (
{query}
  ) AS query({aliases}) {limit}
) TO {path} (FORMAT parquet, COMPRESSION zstd)
