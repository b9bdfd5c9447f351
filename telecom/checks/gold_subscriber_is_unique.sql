/*
description: A subscriber has one row in gold.
severity: error
*/
SELECT subscriber_id, count(*) AS copies
FROM gold_subscriber_features
GROUP BY subscriber_id
HAVING count(*) > 1
