-- The tables of the published generation, in the order of the layers.
SELECT layer, table_name AS "table", row_count AS rows, content_hash::VARCHAR AS content_hash
FROM tarn.table_states WHERE generation = (SELECT max(generation) FROM tarn.generations)
ORDER BY coalesce(list_position(['bronze', 'silver', 'gold'], layer), 9), table_name
