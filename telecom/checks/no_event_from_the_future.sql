/*
description: No subscriber's last event is later than a day after now; such clocks want mending.
severity: warn
*/
SELECT subscriber_id, last_event_at
FROM gold_subscriber_features
WHERE last_event_at > now()::TIMESTAMP + INTERVAL 1 DAY
