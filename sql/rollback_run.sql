-- A ledger row for the rollback itself: generation $1 with the totals of generation $2, so that the next run counts on from them.
INSERT INTO tarn.runs BY NAME
SELECT * REPLACE ($1 AS generation, $3 AS run_id, 'rolled_back' AS status, make_timestamp($4::BIGINT) AS started_at, make_timestamp($4::BIGINT) AS finished_at)
FROM tarn.runs WHERE generation = $2 ORDER BY finished_at DESC LIMIT 1
