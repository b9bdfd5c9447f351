SELECT received, bronze, bronze_quarantined, silver, silver_quarantined, duplicates, gold
FROM tarn.runs
ORDER BY generation DESC, finished_at DESC
LIMIT 1
