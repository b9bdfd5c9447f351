INSERT INTO {table} {select}
