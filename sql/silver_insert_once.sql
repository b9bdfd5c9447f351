-- As silver_insert, without the duplicates. $1: first seq, $2: table.
INSERT INTO {table}
SELECT {select_list}{seq} FROM {from}
WHERE seq >= $1 AND ({accepted})
  AND seq NOT IN (SELECT duplicates.seq FROM tarn.duplicates WHERE duplicates.table_name = $2 AND duplicates.seq >= $1)
