-- In one line.
SELECT count(*) AS parts, format_bytes(sum(next_offset)::BIGINT) AS "read", count(*) FILTER (NOT complete) AS not_to_the_end
FROM ({rows}) HAVING count(*) > 0
