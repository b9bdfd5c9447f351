-- The row accounting of the newest run in the file: totals of the file, figures of that run alone (NULL where it reports none), when
-- it ended and how long it took; and what the engine holds in memory now.
SELECT received, bronze, bronze_quarantined, silver, silver_quarantined, duplicates, gold,
       TRY_CAST(report->>'$.run_counts.received' AS BIGINT),
       TRY_CAST(report->>'$.run_counts.bronze' AS BIGINT),
       TRY_CAST(report->>'$.run_counts.bronze_quarantined' AS BIGINT),
       TRY_CAST(report->>'$.run_counts.silver' AS BIGINT),
       TRY_CAST(report->>'$.run_counts.silver_quarantined' AS BIGINT),
       TRY_CAST(report->>'$.run_counts.duplicates' AS BIGINT),
       TRY_CAST(report->>'$.run_counts.gold' AS BIGINT),
       epoch_ms(finished_at) AS finished_ms,
       epoch_ms(finished_at) - epoch_ms(started_at) AS run_ms,
       (SELECT sum(memory_usage_bytes)::BIGINT FROM duckdb_memory()) AS engine_bytes
FROM tarn.runs
ORDER BY generation DESC, finished_at DESC
LIMIT 1
