INSERT INTO {table} FROM ({select}) ORDER BY {order}
