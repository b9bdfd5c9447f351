-- Keys that occur twice among the new rows, or once and in the table already. $1: first new seq.
INSERT INTO tarn_candidates
WITH fresh AS MATERIALIZED (SELECT hash({keys}) AS key_hash FROM {from} WHERE seq >= $1)
SELECT key_hash FROM fresh GROUP BY key_hash HAVING count(*) > 1
UNION
SELECT hash({key_columns}) AS key_hash FROM {table} WHERE hash({key_columns}) IN (SELECT key_hash FROM fresh)
