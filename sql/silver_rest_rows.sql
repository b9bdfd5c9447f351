-- The bronze rows that are to get reasons.
(SELECT * FROM {bronze} WHERE seq IN (SELECT tarn_rest.seq FROM tarn_rest))
