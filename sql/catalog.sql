-- The columns of every published table, each with its table's layer and number of rows.
SELECT c.table_name, c.layer, coalesce(s.row_count, -1), c.column_name, c.data_type, c.note
FROM tarn.columns c
JOIN duckdb_columns() d ON d.database_name = current_database() AND d.schema_name = 'main' AND NOT d.internal
  AND d.table_name = c.table_name AND d.column_name = c.column_name
LEFT JOIN tarn.table_states s ON s.table_name = c.table_name AND s.generation = (SELECT max(generation) FROM tarn.generations)
ORDER BY list_position(['bronze', 'silver', 'gold'], c.layer) DESC, c.table_name, c.column_index
