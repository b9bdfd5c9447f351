-- Rows of a table in a total order, and one row more, which tells that there is a next page. Behind the columns asked for come
-- those that make a cursor.
SELECT {columns}, {keys}
FROM {table} AS t
WHERE {condition} AND {behind}
ORDER BY {order}
LIMIT {limit}
