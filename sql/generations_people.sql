-- As above for a terminal: ages and sizes in words, no NULL.
SELECT CASE WHEN "current" THEN '*' ELSE '' END AS "current", generation, published_at, age, bronze, silver, gold,
  coalesce(format_bytes(size_bytes), '') AS size, coalesce(path, 'not kept') AS "where",
  coalesce('content of ' || rolled_back_from || ', rolled back', '') AS note
FROM (SELECT *, greatest(0, epoch(now())::BIGINT - epoch(published_at)::BIGINT) AS seconds, CASE
    WHEN seconds < 120 THEN seconds || ' s'
    WHEN seconds < 2 * 3600 THEN seconds // 60 || ' min'
    WHEN seconds < 2 * 86400 THEN seconds // 3600 || ' h'
    ELSE seconds // 86400 || ' d' END AS age
  FROM ({rows}))
ORDER BY generation DESC
