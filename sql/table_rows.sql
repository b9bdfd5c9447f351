-- Rows of a table, as many as there are or as asked for.
SELECT {columns}
FROM {table} AS t
WHERE {condition} AND {behind}
{order}
{limit}
