-- What a query can name: the owner's tables and views first, then Tarn's own.
SELECT CASE WHEN schema_name = 'main' THEN name ELSE schema_name || '.' || name END AS name
FROM (
  SELECT schema_name, table_name AS name FROM duckdb_tables() WHERE NOT internal
  UNION ALL
  SELECT schema_name, view_name FROM duckdb_views() WHERE NOT internal)
ORDER BY schema_name <> 'main', name
