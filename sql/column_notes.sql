-- The project's notes on the columns of some tables.
SELECT column_name, note FROM tarn.columns WHERE note IS NOT NULL AND list_contains($1, table_name) ORDER BY table_name, column_index
