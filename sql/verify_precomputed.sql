-- Rendered answers that only one of the two files has.
WITH here AS (FROM tarn.precomputed), there AS (FROM published.tarn.precomputed)
SELECT (SELECT count(*) FROM (FROM here EXCEPT ALL FROM there)) + (SELECT count(*) FROM (FROM there EXCEPT ALL FROM here))
