-- $1: table. Bronze rows of the published file that are not in exactly one of silver, quarantine and duplicates, or rows there without a bronze row.
WITH places AS (
  SELECT seq FROM published.main.{table}
  UNION ALL SELECT seq FROM published.tarn.quarantine WHERE layer = 'silver' AND table_name = $1
  UNION ALL SELECT seq FROM published.tarn.duplicates WHERE table_name = $1
),
counted AS (SELECT seq, count(*) AS times FROM places GROUP BY seq)
SELECT count(*) FROM {bronze} AS bronze FULL JOIN counted ON bronze.seq = counted.seq WHERE bronze.seq IS NULL OR counted.times IS DISTINCT FROM 1
