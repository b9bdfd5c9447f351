/*
route: /api/v1/subscribers
description: Subscribers, riskiest first.
shape: rows
params:
  limit: {type: integer, default: 20, minimum: 1, maximum: 1000, description: at most so many subscribers}
  risk: {type: enum, values: [high, low], description: only those at risk (high) or only the others (low)}
precompute: true
examples: [/api/v1/subscribers, /api/v1/subscribers?limit=5&risk=high]
*/
SELECT
  subscriber_id,
  total_events,
  coalesce(avg_signal_dbm, 0) AS avg_signal_dbm,
  coalesce(avg_latency_ms, 0) AS avg_latency_ms,
  coalesce(avg_bill_zmw, 0) AS avg_bill_zmw,
  coalesce(max_days_overdue, 0) AS max_days_overdue,
  churn_label
FROM gold_subscriber_features
WHERE $risk IS NULL OR churn_label = CASE $risk WHEN 'high' THEN 1 ELSE 0 END
ORDER BY churn_label DESC, subscriber_id
LIMIT $limit
