-- The same rows in the order of the key again.
DROP TABLE {table};
ALTER TABLE tarn_sorted RENAME TO {table};
