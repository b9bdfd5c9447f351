-- The new bronze rows that share a key with another one. $1: first seq.
(SELECT * FROM {bronze} WHERE seq >= $1 AND seq IN (
  SELECT suspect.seq FROM (SELECT seq, hash({keys}) AS key_hash FROM {from} WHERE seq >= $1) AS suspect
  WHERE suspect.key_hash IN (SELECT key_hash FROM tarn_candidates)))
