-- Where the rows of a file come from. $1, $2: first and last number; $3: day.
SELECT coalesce(to_json(list(p ORDER BY p.source_name, p.source_partition)), '[]')::VARCHAR
FROM (
  SELECT source_name, source_partition, min(source_offset) AS first_offset, max(source_offset) AS last_offset, count(*) AS rows
  FROM {table} WHERE {filter} AND {number} BETWEEN $1 AND $2 AND strftime({time}, '%Y-%m-%d') = $3
  GROUP BY ALL) p
