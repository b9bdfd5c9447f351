-- Row count and content hash of {table}, added to those ($1, $2) of the rows that the filter leaves out.
SELECT count(*) + $1::BIGINT, (coalesce(sum(hash({arguments})), 0)::HUGEINT + $2::HUGEINT)::VARCHAR
FROM {table} {filter}
