-- The first $1 of them.
FROM ({check}
) LIMIT $1
