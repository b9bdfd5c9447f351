-- Of the parts ($1) that records are known to have come from: those of which there are fewer now. Offsets: what is gone as far as the ends tell.
WITH parts AS (
  SELECT value->>'source_name' AS name, (value->>'source_partition')::INTEGER AS part, min((value->>'first_offset')::BIGINT) AS first,
    max((value->>'last_offset')::BIGINT) AS last, sum((value->>'rows')::BIGINT)::BIGINT AS rows
  FROM json_each($1::JSON) GROUP BY ALL),
records AS (
  SELECT source_name, source_partition, source_offset FROM {bronze}
  UNION ALL SELECT source_name, source_partition, source_offset FROM tarn.quarantine WHERE layer = 'bronze'),
found AS (
  SELECT name, part, first, last, rows, count(source_offset) AS there, min(source_offset) AS first_there, max(source_offset) AS last_there
  FROM parts LEFT JOIN records ON source_name = name AND source_partition = part AND source_offset BETWEEN first AND last
  GROUP BY ALL)
SELECT name, part, CASE WHEN first_there = first AND last_there < last THEN last_there + 1 ELSE first END,
  CASE WHEN first_there > first THEN first_there - 1 ELSE last END, rows - there
FROM found WHERE there < rows ORDER BY name, part
