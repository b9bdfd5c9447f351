-- The same rows in the order of the key again.
CREATE TABLE tarn_sorted AS FROM {table} ORDER BY {order};
DROP TABLE {table};
ALTER TABLE tarn_sorted RENAME TO {table};
