-- The rows of {table} that become files: one per ingestion day and stretch of a million numbers. $1, $2: first and last number.
SELECT strftime({time}, '%Y-%m-%d') AS day, min({number}), max({number}), count(*), coalesce(sum(hash({arguments})), 0)::VARCHAR
FROM {table} WHERE {filter} AND {number} BETWEEN $1 AND $2
GROUP BY day, {number} // 1000000
ORDER BY min({number})
