-- The last runs that published something.
SELECT generation, status, date_trunc('second', started_at) AS started_at, epoch_ms(finished_at) - epoch_ms(started_at) AS milliseconds,
  TRY_CAST(report->>'$.run_counts.received' AS BIGINT) AS received, run_id
FROM tarn.runs
ORDER BY generation DESC, finished_at DESC
LIMIT 5
