/*
route: /api/v1/analytics/summary
description: The whole subscriber base in one object.
shape: one
precompute: true
examples: [/api/v1/analytics/summary]
*/
-- Sums of DECIMAL are exact, so the means do not depend on the order of rows.
SELECT
  count(*) AS subscribers,
  coalesce(sum(churn_label), 0)::BIGINT AS at_risk,
  coalesce(round(sum(churn_label)::DOUBLE / count(*), 4), 0) AS churn_rate,
  coalesce(sum(total_events), 0)::BIGINT AS total_events,
  round(sum(avg_signal_dbm::DECIMAL(19, 1))::DOUBLE / count(avg_signal_dbm), 1) AS avg_signal_dbm,
  round(sum(avg_latency_ms::DECIMAL(19, 1))::DOUBLE / count(avg_latency_ms), 1) AS avg_latency_ms,
  round(sum(avg_packet_loss_pct::DECIMAL(19, 2))::DOUBLE / count(avg_packet_loss_pct), 2) AS avg_packet_loss_pct,
  round(sum(avg_bill_zmw::DECIMAL(19, 2))::DOUBLE / count(avg_bill_zmw), 2) AS avg_bill_zmw,
  round(sum(avg_data_used_mb::DECIMAL(19, 0))::DOUBLE / count(avg_data_used_mb), 0) AS avg_data_used_mb,
  round(sum(avg_battery_pct::DECIMAL(19, 1))::DOUBLE / count(avg_battery_pct), 1) AS avg_battery_pct,
  round(sum(avg_quality_score::DECIMAL(19, 1))::DOUBLE / count(avg_quality_score), 1) AS avg_quality_score,
  coalesce(sum(overdue_count), 0)::BIGINT AS overdue_count,
  coalesce((
    SELECT list({plan: plan, subscribers: subscribers, at_risk: at_risk} ORDER BY plan NULLS LAST)
    FROM (
      SELECT plan, count(*) AS subscribers, sum(churn_label)::BIGINT AS at_risk
      FROM gold_subscriber_features
      GROUP BY plan)), []) AS risk_by_plan,
  {
    BSS: coalesce(sum(bss_events), 0)::BIGINT,
    OSS: coalesce(sum(oss_events), 0)::BIGINT,
    IoT: coalesce(sum(iot_events), 0)::BIGINT
  } AS events_by_type
FROM gold_subscriber_features
