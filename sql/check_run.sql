-- How many rows break a rule, and the first $1 of them.
WITH broken AS MATERIALIZED ({check}
)
SELECT (SELECT count(*) FROM broken), (SELECT to_json(list(sample))::VARCHAR FROM (FROM broken LIMIT $1) AS sample)
