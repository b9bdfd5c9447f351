-- Rows that only one of the two tables has.
SELECT (SELECT count(*) FROM (FROM {table} EXCEPT ALL FROM published.main.{table}))
     + (SELECT count(*) FROM (FROM published.main.{table} EXCEPT ALL FROM {table}))
