-- What GET /api/v1/health answers; {version} is the server's own.
SELECT 'ok' AS status, generation, published_at,
       greatest(0, date_diff('second', published_at, get_current_timestamp()::TIMESTAMP)) AS age_seconds,
       {version} AS version
FROM tarn.generations
ORDER BY generation DESC
LIMIT 1
