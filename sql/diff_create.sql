-- Files a (from) and b (to) are attached. Row counts are filled in one by one, as table names cannot be bound.
CREATE TABLE diff_tables AS
WITH tables AS (
  SELECT table_name, bool_or(database_name = 'a') AS in_a, bool_or(database_name = 'b') AS in_b
  FROM duckdb_tables() WHERE database_name IN ('a', 'b') AND schema_name = 'main' GROUP BY table_name),
sa AS (SELECT table_name, layer, content_hash FROM a.tarn.table_states WHERE generation = (SELECT max(generation) FROM a.tarn.generations)),
sb AS (SELECT table_name, layer, content_hash FROM b.tarn.table_states WHERE generation = (SELECT max(generation) FROM b.tarn.generations))
SELECT coalesce(sb.layer, sa.layer, 'other') AS layer, t.table_name AS "table",
  CASE WHEN in_a THEN 0::BIGINT END AS from_rows, CASE WHEN in_b THEN 0::BIGINT END AS to_rows,
  coalesce(sa.content_hash = sb.content_hash, FALSE) AS same_content
FROM tables t LEFT JOIN sa USING (table_name) LEFT JOIN sb USING (table_name)
ORDER BY coalesce(list_position(['bronze', 'silver', 'gold'], coalesce(sb.layer, sa.layer)), 9), t.table_name;

CREATE TABLE diff_columns AS
WITH shared AS (SELECT "table" AS table_name FROM diff_tables WHERE from_rows IS NOT NULL AND to_rows IS NOT NULL),
ca AS (SELECT * FROM duckdb_columns() SEMI JOIN shared USING (table_name) WHERE database_name = 'a' AND schema_name = 'main'),
cb AS (SELECT * FROM duckdb_columns() SEMI JOIN shared USING (table_name) WHERE database_name = 'b' AND schema_name = 'main')
SELECT table_name AS "table", column_name AS "column", ca.data_type AS from_type, cb.data_type AS to_type
FROM ca FULL JOIN cb USING (table_name, column_name)
WHERE from_type IS DISTINCT FROM to_type
ORDER BY "table", coalesce(cb.column_index, ca.column_index), "column";

CREATE TABLE diff_keys AS
WITH ka AS (SELECT name, definition->'$.key' AS key FROM a.tarn.objects WHERE kind = 'gold'),
kb AS (SELECT name, definition->'$.key' AS key FROM b.tarn.objects WHERE kind = 'gold')
SELECT name AS "table", key::VARCHAR[] AS key, 0::BIGINT AS added, 0::BIGINT AS removed, 0::BIGINT AS changed
FROM ka JOIN kb USING (name, key)
WHERE json_array_length(key) > 0
  AND EXISTS (FROM diff_tables t WHERE t."table" = name AND t.from_rows IS NOT NULL AND t.to_rows IS NOT NULL)
ORDER BY name;

CREATE TABLE diff_rows ("table" VARCHAR, change VARCHAR, key VARCHAR[], columns VARCHAR[]);
