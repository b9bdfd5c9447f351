-- Every function that an expression can call: what kind it is, and the text of macros.
SELECT function_name, function_type, COALESCE(stability, ''), COALESCE(macro_definition, '')
FROM duckdb_functions()
WHERE function_type <> 'pragma'
