-- How many rows break a rule.
SELECT count(*) FROM ({check}
)
