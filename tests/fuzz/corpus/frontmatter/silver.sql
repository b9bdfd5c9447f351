/*
kind: silver
description: Events fit for analysis, each once, with the payload's fields as typed columns.
unique: [event_id]
columns:
  event_id: unique; of an event sent twice the first to arrive is kept
  event_type: BSS, OSS or IoT
  source_system: the system that sent the event
  subscriber_id: in upper case
  event_timestamp: when it happened, in UTC
  quality_score: 100 minus the weights of the quality rules that failed
  ingested_at: when Tarn read it, in UTC
  bss_plan: tariff plan
  bss_data_used_mb: data used, in megabytes
  bss_bill_zmw: bill, in Zambian kwacha
  bss_payment_stat
*/ SELECT 1