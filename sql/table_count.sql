, (SELECT count(*) FROM {table} AS t WHERE {condition})
