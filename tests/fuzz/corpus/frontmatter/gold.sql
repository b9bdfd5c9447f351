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
  avg_packet_loss_pct: mean packet loss
*/ SELECT 1