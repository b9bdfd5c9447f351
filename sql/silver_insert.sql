-- $1: first seq.
INSERT INTO {table}
SELECT {select_list}{seq} FROM {from} WHERE seq >= $1 AND ({accepted})
