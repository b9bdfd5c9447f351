-- In one line: files have a size and are read by bytes, topics by offsets.
SELECT count(*) AS parts,
  concat_ws(', ', format_bytes((sum(next_offset) FILTER (size >= 0))::BIGINT), (sum(next_offset) FILTER (size < 0))::VARCHAR || ' offsets') AS "read",
  count(*) FILTER (NOT complete) AS not_to_the_end
FROM ({rows}) HAVING count(*) > 0
