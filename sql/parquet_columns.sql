-- A query's columns, without its rows.
SELECT * FROM (
{query}
) LIMIT 0
