-- Is the archived generation ($1, of run $2) in the ledger, and was there a rollback since?
SELECT count(*) FILTER (generation = $1 AND run_id = $2), count(*) FILTER (generation > $1 AND rolled_back_from IS NOT NULL)
FROM tarn.generations
