/* kind: silver */
SELECT a -- b
FROM t;