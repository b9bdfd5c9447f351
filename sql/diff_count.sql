-- Rows of {table} ($1) in one of the files.
UPDATE diff_tables SET {column} = (SELECT count(*) FROM {file}.main.{table}) WHERE "table" = $1 AND {column} IS NOT NULL
