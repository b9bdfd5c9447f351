-- Rows keep their order, and with it the tables their sorting.
SET preserve_insertion_order = true;
ATTACH {source} AS source (READ_ONLY);
ATTACH {target} AS target (ROW_GROUP_SIZE 16384, STORAGE_VERSION 'v1.5.0');
COPY FROM DATABASE source TO target;
CHECKPOINT target;
DETACH target;
