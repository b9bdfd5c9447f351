-- The first $2 rows of table $1.
INSERT INTO diff_rows
SELECT $1, change, tarn_key, CASE WHEN change = 'changed' THEN tarn_columns ELSE [] END FROM row_changes ORDER BY tarn_key, change LIMIT $2
