UPDATE diff_keys SET added = found.added, removed = found.removed, changed = found.changed
FROM (SELECT count(*) FILTER (change = 'added') AS added, count(*) FILTER (change = 'removed') AS removed,
    count(*) FILTER (change = 'changed') AS changed FROM row_changes) found
WHERE "table" = $1
