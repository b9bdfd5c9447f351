/*
route: /api/v1/subscribers/{subscriber_id}
description: Everything gold knows about one subscriber.
shape: one
not_found: there is no such subscriber
params:
  subscriber_id: {type: string, description: 'for instance SUB-00042; in any case', max_length: 64, examples: [SUB-00042]}
examples: [/api/v1/subscribers/SUB-00042]
*/
SELECT *
FROM gold_subscriber_features
WHERE subscriber_id = upper($subscriber_id)
