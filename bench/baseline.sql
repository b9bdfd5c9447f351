-- What a good analyst would write for the same three layers, as plainly as DuckDB allows: no reasons, no quarantine, no checks.
-- The variable 'source' names the NDJSON file. Run by bench/baseline.c against a database file.

CREATE OR REPLACE TABLE bronze_raw_events AS
WITH events AS (
  SELECT event_id, event_type, source_system, subscriber_id, event_timestamp, payload AS raw_payload, now()::TIMESTAMP AS ingested_at
  FROM read_json(getvariable('source'), format = 'newline_delimited', ignore_errors = true,
    columns = {event_id: 'VARCHAR', event_type: 'VARCHAR', source_system: 'VARCHAR', subscriber_id: 'VARCHAR',
               event_timestamp: 'VARCHAR', payload: 'JSON'})
)
SELECT *, greatest(0, 100
  - CASE WHEN coalesce(trim(event_id), '') = '' THEN 60 ELSE 0 END
  - CASE WHEN coalesce(trim(subscriber_id), '') = '' THEN 40 ELSE 0 END
  - CASE WHEN TRY_CAST(event_timestamp AS TIMESTAMPTZ) IS NULL THEN 40 ELSE 0 END
  - CASE WHEN event_type IN ('BSS', 'OSS', 'IoT') THEN 0 ELSE 60 END
  - CASE WHEN coalesce(trim(source_system), '') = '' THEN 10 ELSE 0 END
  - CASE WHEN raw_payload IS NULL OR json_type(raw_payload) <> 'OBJECT' THEN 60
         WHEN event_type = 'BSS' AND ((raw_payload ->> 'plan') IS NULL OR (raw_payload ->> 'bill_amount_zmw') IS NULL) THEN 20
         WHEN event_type = 'OSS' AND ((raw_payload ->> 'signal_dbm') IS NULL OR (raw_payload ->> 'latency_ms') IS NULL) THEN 20
         WHEN event_type = 'IoT' AND (raw_payload ->> 'battery_pct') IS NULL THEN 20
         ELSE 0 END
  - CASE WHEN CASE event_type
      WHEN 'BSS' THEN TRY_CAST(raw_payload ->> 'bill_amount_zmw' AS DOUBLE) < 0
                   OR TRY_CAST(raw_payload ->> 'data_used_mb' AS DOUBLE) < 0
                   OR TRY_CAST(raw_payload ->> 'days_overdue' AS DOUBLE) < 0
      WHEN 'OSS' THEN TRY_CAST(raw_payload ->> 'signal_dbm' AS DOUBLE) NOT BETWEEN -140 AND -20
                   OR TRY_CAST(raw_payload ->> 'latency_ms' AS DOUBLE) NOT BETWEEN 0 AND 60000
                   OR TRY_CAST(raw_payload ->> 'packet_loss_pct' AS DOUBLE) NOT BETWEEN 0 AND 100
      WHEN 'IoT' THEN TRY_CAST(raw_payload ->> 'battery_pct' AS DOUBLE) NOT BETWEEN 0 AND 100
    END THEN 20 ELSE 0 END) AS quality_score
FROM events;

CREATE OR REPLACE TABLE silver_clean_events AS
SELECT DISTINCT ON (event_id)
  event_id, event_type, source_system, upper(subscriber_id) AS subscriber_id,
  TRY_CAST(event_timestamp AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS event_timestamp, quality_score, ingested_at,
  CASE WHEN event_type = 'BSS' THEN raw_payload ->> 'plan' END AS bss_plan,
  CASE WHEN event_type = 'BSS' THEN TRY_CAST(raw_payload ->> 'data_used_mb' AS INTEGER) END AS bss_data_used_mb,
  CASE WHEN event_type = 'BSS' THEN TRY_CAST(raw_payload ->> 'bill_amount_zmw' AS DOUBLE) END AS bss_bill_zmw,
  CASE WHEN event_type = 'BSS' THEN raw_payload ->> 'payment_status' END AS bss_payment_status,
  CASE WHEN event_type = 'BSS' THEN TRY_CAST(raw_payload ->> 'days_overdue' AS INTEGER) END AS bss_days_overdue,
  CASE WHEN event_type = 'OSS' THEN TRY_CAST(raw_payload ->> 'signal_dbm' AS INTEGER) END AS oss_signal_dbm,
  CASE WHEN event_type = 'OSS' THEN TRY_CAST(raw_payload ->> 'latency_ms' AS INTEGER) END AS oss_latency_ms,
  CASE WHEN event_type = 'OSS' THEN TRY_CAST(raw_payload ->> 'packet_loss_pct' AS DOUBLE) END AS oss_packet_loss_pct,
  CASE WHEN event_type = 'OSS' THEN raw_payload ->> 'cell_id' END AS oss_cell_id,
  CASE WHEN event_type = 'IoT' THEN TRY_CAST(raw_payload ->> 'battery_pct' AS INTEGER) END AS iot_battery_pct,
  CASE WHEN event_type = 'IoT' THEN raw_payload ->> 'device_model' END AS iot_device_model,
  CASE WHEN event_type = 'IoT' THEN raw_payload ->> 'firmware' END AS iot_firmware
FROM bronze_raw_events
WHERE quality_score >= 45 AND trim(subscriber_id) <> '' AND TRY_CAST(event_timestamp AS TIMESTAMPTZ) IS NOT NULL;

CREATE OR REPLACE TABLE gold_subscriber_features AS
SELECT subscriber_id,
  count(*) AS total_events,
  count(*) FILTER (event_type = 'BSS') AS bss_events,
  count(*) FILTER (event_type = 'OSS') AS oss_events,
  count(*) FILTER (event_type = 'IoT') AS iot_events,
  arg_max(bss_plan, event_timestamp) AS plan,
  round(avg(oss_signal_dbm), 1) AS avg_signal_dbm,
  round(avg(oss_latency_ms), 1) AS avg_latency_ms,
  round(avg(oss_packet_loss_pct), 2) AS avg_packet_loss_pct,
  round(avg(bss_bill_zmw), 2) AS avg_bill_zmw,
  round(avg(bss_data_used_mb), 0) AS avg_data_used_mb,
  max(bss_days_overdue) AS max_days_overdue,
  count(*) FILTER (bss_payment_status = 'overdue') AS overdue_count,
  round(avg(iot_battery_pct), 1) AS avg_battery_pct,
  round(avg(quality_score), 1) AS avg_quality_score,
  min(event_timestamp) AS first_event_at,
  max(event_timestamp) AS last_event_at,
  CASE WHEN max(bss_days_overdue) > 30 OR avg(oss_signal_dbm) < -90 OR avg(oss_latency_ms) > 150 THEN 1 ELSE 0 END AS churn_label
FROM silver_clean_events
GROUP BY subscriber_id
HAVING count(*) >= 2;
