-- What was loaded, to be compared with what the manifest says.
SELECT count(*), coalesce(sum(hash({arguments})), 0)::VARCHAR FROM {table} WHERE {filter}
