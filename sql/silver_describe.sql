-- The columns that a silver model returns.
SELECT column_name, column_type FROM (DESCRIBE SELECT {select_list} FROM {from})
