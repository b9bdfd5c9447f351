/*
route: /api/v1/subscribers/{subscriber_id}
description: Everything gold knows about one subscriber.
shape: one
not_found: there is no such subscriber
params:
  subscriber_id: {type: string, description: in any case}
*/
SELECT *
FROM gold_subscriber_features
WHERE subscriber_id = upper($subscriber_id)
