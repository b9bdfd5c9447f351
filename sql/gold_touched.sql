-- The keys of new rows. $1: first new seq.
INSERT INTO tarn_touched SELECT DISTINCT {keys} FROM {source} WHERE seq >= $1
