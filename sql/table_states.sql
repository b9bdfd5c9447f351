-- The tables of generation $1, in the order of the layers.
SELECT table_name, layer, row_count, content_hash::VARCHAR FROM tarn.table_states WHERE generation = $1
ORDER BY list_position(['bronze', 'silver', 'gold'], layer) NULLS LAST, layer, table_name
