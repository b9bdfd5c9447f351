/*
kind: gold
description: One row per subscriber with at least two events; what a churn model and the API need to know.
key: [subscriber_id]
columns:
  subscriber_id: in upper case
  total_events: events of any type
  bss_events: billing events
  oss_events: network events
  iot_events: device events
  plan: tariff plan of the latest billing event that names one
  avg_signal_dbm: mean signal strength, in dBm
  avg_latency_ms: mean latency, in milliseconds
  avg_packet_loss_pct: mean packet loss, in percent
  avg_bill_zmw: mean bill, in Zambian kwacha
  avg_data_used_mb: mean data used, in megabytes
  max_days_overdue: most days that a bill was overdue
  overdue_count: billing events with payment status overdue
  avg_battery_pct: mean battery charge, in percent
  avg_quality_score: mean quality score of the events
  first_event_at: first event, in UTC
  last_event_at: last event, in UTC
  churn_label: 1 where the subscriber is at risk (bill overdue by more than 30 days, weak signal or high latency), else 0
*/
-- A mean is an exact sum divided by a count, so it depends neither on the order of rows nor on the number of threads.
-- DECIMAL(19, 4) holds every DOUBLE that came from a DECIMAL(18, 4).
SELECT
  subscriber_id,
  count(*) AS total_events,
  count(*) FILTER (event_type = 'BSS') AS bss_events,
  count(*) FILTER (event_type = 'OSS') AS oss_events,
  count(*) FILTER (event_type = 'IoT') AS iot_events,
  arg_max(bss_plan, (event_timestamp, seq)) FILTER (bss_plan IS NOT NULL) AS plan,
  round(sum(oss_signal_dbm)::DOUBLE / count(oss_signal_dbm), 1) AS avg_signal_dbm,
  round(sum(oss_latency_ms)::DOUBLE / count(oss_latency_ms), 1) AS avg_latency_ms,
  round(sum(oss_packet_loss_pct::DECIMAL(19, 4))::DOUBLE / count(oss_packet_loss_pct), 2) AS avg_packet_loss_pct,
  round(sum(bss_bill_zmw::DECIMAL(19, 4))::DOUBLE / count(bss_bill_zmw), 2) AS avg_bill_zmw,
  round(sum(bss_data_used_mb)::DOUBLE / count(bss_data_used_mb), 0) AS avg_data_used_mb,
  max(bss_days_overdue) AS max_days_overdue,
  count(*) FILTER (bss_payment_status = 'overdue') AS overdue_count,
  round(sum(iot_battery_pct)::DOUBLE / count(iot_battery_pct), 1) AS avg_battery_pct,
  round(sum(quality_score)::DOUBLE / count(quality_score), 1) AS avg_quality_score,
  min(event_timestamp) AS first_event_at,
  max(event_timestamp) AS last_event_at,
  CASE WHEN max(bss_days_overdue) > 30
         OR sum(oss_signal_dbm)::DOUBLE / count(oss_signal_dbm) < -90
         OR sum(oss_latency_ms)::DOUBLE / count(oss_latency_ms) > 150
       THEN 1 ELSE 0 END AS churn_label
FROM silver_clean_events
GROUP BY subscriber_id
HAVING count(*) >= 2
