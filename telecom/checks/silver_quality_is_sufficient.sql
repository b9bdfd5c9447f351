/*
description: No event below the quality threshold reaches silver.
severity: error
*/
SELECT event_id, quality_score
FROM silver_clean_events
WHERE quality_score < 45
