/*
description: Between 1 and 80 percent of 100 subscribers or more are at risk; anything else points to a fault in a source.
severity: warn
*/
SELECT count(*) AS subscribers, sum(churn_label) AS at_risk
FROM gold_subscriber_features
HAVING count(*) >= 100 AND sum(churn_label) / count(*) NOT BETWEEN 0.01 AND 0.8
