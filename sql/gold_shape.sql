-- No rows: what columns a SELECT has when it becomes a table.
CREATE OR REPLACE TEMP TABLE tarn_shape AS FROM ({select}) LIMIT 0
