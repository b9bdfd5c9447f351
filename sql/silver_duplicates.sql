-- Of the rows that are fit for silver and share a key, the one with the smallest seq is kept; the others are recorded with it.
-- $1: first seq, $2: table, $3: run.
INSERT INTO tarn.duplicates
WITH fit AS (
  SELECT {key_columns}, tarn_seq FROM (
    SELECT {select_list}, seq AS tarn_seq FROM {from} WHERE {accepted})
  UNION ALL
  SELECT {key_columns}, seq FROM {table} WHERE hash({key_columns}) IN (SELECT key_hash FROM tarn_candidates)
),
ranked AS (
  SELECT tarn_seq, min(tarn_seq) OVER (PARTITION BY {key_columns}) AS kept_seq FROM fit WHERE {key_present}
)
SELECT $2, ranked.tarn_seq, ranked.kept_seq, kept.source_name, kept.source_partition, kept.source_offset, $3
FROM ranked JOIN {bronze} AS kept ON kept.seq = ranked.kept_seq
WHERE ranked.tarn_seq <> ranked.kept_seq
