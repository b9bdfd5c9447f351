/*
description: Subscriber ids are in upper case, so that one subscriber never becomes two.
severity: error
*/
SELECT subscriber_id
FROM gold_subscriber_features
WHERE subscriber_id IS DISTINCT FROM upper(subscriber_id)
