/*
description: The churn label is 0 or 1; the model learns from it.
severity: error
*/
SELECT subscriber_id, churn_label
FROM gold_subscriber_features
WHERE churn_label IS NULL OR churn_label NOT IN (0, 1)
