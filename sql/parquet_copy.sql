-- A query's rows into a Parquet file.
COPY (
  SELECT {columns} FROM (
{query}
  ) AS query({aliases})
) TO {path} (FORMAT parquet, COMPRESSION zstd)
