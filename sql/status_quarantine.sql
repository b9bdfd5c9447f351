-- The most frequent reasons. A record with several reasons counts in each.
SELECT layer, reason.column_name AS "column", reason.rule AS rule, count(*) AS records, min(id) AS example_id
FROM (SELECT id, layer, unnest(reasons) AS reason FROM tarn.quarantine)
GROUP BY ALL
ORDER BY records DESC, layer, "column", rule
LIMIT 5
