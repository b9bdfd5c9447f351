-- The generations of the ledger, newest first, with the rows of each layer and the file where there is one. generation_files is filled by the caller.
SELECT g.generation, g.generation = (SELECT max(generation) FROM tarn.generations) AS "current",
  date_trunc('second', g.published_at) AS published_at, g.run_id, g.rolled_back_from,
  coalesce(sum(s.row_count) FILTER (s.layer = 'bronze'), 0)::BIGINT AS bronze,
  coalesce(sum(s.row_count) FILTER (s.layer = 'silver'), 0)::BIGINT AS silver,
  coalesce(sum(s.row_count) FILTER (s.layer = 'gold'), 0)::BIGINT AS gold,
  f.size_bytes, f.path, g.tarn_version, g.duckdb_version
FROM tarn.generations g
LEFT JOIN tarn.table_states s USING (generation)
LEFT JOIN generation_files f USING (generation)
GROUP BY ALL
ORDER BY g.generation DESC
LIMIT getvariable('shown')
