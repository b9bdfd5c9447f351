-- What the rows of each archived file (list $1) are now: its place in the list, rows, hash. Files without rows are not returned.
WITH files AS (
  SELECT (value->>'place')::BIGINT AS place, value->>'day' AS day, (value->>'first')::BIGINT AS first, (value->>'last')::BIGINT AS last
  FROM json_each($1::JSON)),
live AS (SELECT *, strftime({time}, '%Y-%m-%d') AS tarn_day FROM {table} WHERE {filter})
SELECT files.place, count(*), coalesce(sum(hash({arguments})), 0)::VARCHAR
FROM live ASOF JOIN files ON live.tarn_day = files.day AND live.{number} >= files.first
WHERE live.{number} <= files.last
GROUP BY files.place
