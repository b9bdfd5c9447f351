-- One file. The size of a row group bounds the memory, whatever a record is long.
COPY (SELECT * FROM {table} WHERE {filter} AND {number} BETWEEN {first} AND {last} AND strftime({time}, '%Y-%m-%d') = {day})
TO {file} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000, ROW_GROUP_SIZE_BYTES '16MB', USE_TMP_FILE false)
