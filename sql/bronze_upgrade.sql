-- What the bronze table of a file from before Kafka has not. {table}: its quoted name.
ALTER TABLE {table} ADD COLUMN IF NOT EXISTS record_key BLOB;
ALTER TABLE {table} ADD COLUMN IF NOT EXISTS record_headers JSON;
ALTER TABLE {table} ADD COLUMN IF NOT EXISTS record_timestamp TIMESTAMP;
ALTER TABLE {table} ADD COLUMN IF NOT EXISTS tombstone BOOLEAN DEFAULT false;
ALTER TABLE {table} ALTER COLUMN tombstone DROP DEFAULT;
