-- A file that is written to. Row groups hold an eighth of what is usual: a lookup by key reads one of them. Every session that
-- writes must say so, for one that does not merges them again.
ATTACH {file} AS work (ROW_GROUP_SIZE 16384, STORAGE_VERSION 'v1.5.0')
