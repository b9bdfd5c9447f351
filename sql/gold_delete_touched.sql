DELETE FROM {table} AS gold WHERE EXISTS (SELECT 1 FROM tarn_touched AS touched WHERE {match})
