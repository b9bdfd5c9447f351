-- $1: table.
WITH here AS (SELECT seq, kept_seq FROM tarn.duplicates WHERE table_name = $1),
there AS (SELECT seq, kept_seq FROM published.tarn.duplicates WHERE table_name = $1)
SELECT (SELECT count(*) FROM (FROM here EXCEPT ALL FROM there)) + (SELECT count(*) FROM (FROM there EXCEPT ALL FROM here))
