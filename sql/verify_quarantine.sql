-- $1: table. Rejects that only one side has, or has for other reasons.
WITH here AS (SELECT seq, reasons FROM tarn.quarantine WHERE layer = 'silver' AND table_name = $1),
there AS (SELECT seq, reasons FROM published.tarn.quarantine WHERE layer = 'silver' AND table_name = $1)
SELECT (SELECT count(*) FROM (FROM here EXCEPT ALL FROM there)) + (SELECT count(*) FROM (FROM there EXCEPT ALL FROM here))
