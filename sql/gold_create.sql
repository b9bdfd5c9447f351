CREATE TABLE {table} AS FROM ({select}) ORDER BY {order}
