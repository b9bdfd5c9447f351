/*
description: The events of each type add up to all events, there are at least two, and no more overdue bills than bills.
severity: error
*/
SELECT subscriber_id, total_events, bss_events, oss_events, iot_events, overdue_count
FROM gold_subscriber_features
WHERE total_events <> bss_events + oss_events + iot_events
   OR total_events < 2
   OR overdue_count > bss_events
