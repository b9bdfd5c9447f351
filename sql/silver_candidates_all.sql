-- $1: first seq.
INSERT INTO tarn_candidates
SELECT key_hash FROM (SELECT hash({keys}) AS key_hash FROM {from} WHERE seq >= $1) GROUP BY key_hash HAVING count(*) > 1
