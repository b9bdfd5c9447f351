-- Tarn's own tables inside the lakehouse file. Format 1.
CREATE SCHEMA IF NOT EXISTS tarn;
CREATE TABLE IF NOT EXISTS tarn.meta (key VARCHAR, value VARCHAR);
-- One row per published generation; the newest is the file's own. rolled_back_from: the older generation whose content a rollback published again.
CREATE TABLE IF NOT EXISTS tarn.generations (
  generation BIGINT, run_id VARCHAR, published_at TIMESTAMP, rolled_back_from BIGINT,
  tarn_version VARCHAR, duckdb_version VARCHAR, project_digest VARCHAR);
-- positions: where the parts of the source that moved since the generation before were read to, [{"identity", "name", "partition", "next_offset"}]: with
-- tarn.table_states the content at these positions. NULL for a rollback, which goes back to where rolled_back_from stood.
ALTER TABLE tarn.generations ADD COLUMN IF NOT EXISTS positions JSON;
-- Rows and content hash (order-free 128-bit sum of row hashes) of every table in a generation.
CREATE TABLE IF NOT EXISTS tarn.table_states (generation BIGINT, table_name VARCHAR, layer VARCHAR, row_count BIGINT, content_hash HUGEINT);
CREATE TABLE IF NOT EXISTS tarn.runs (
  run_id VARCHAR, generation BIGINT, started_at TIMESTAMP, finished_at TIMESTAMP, status VARCHAR,
  received BIGINT, bronze BIGINT, bronze_quarantined BIGINT, silver BIGINT, silver_quarantined BIGINT, duplicates BIGINT, gold BIGINT,
  report JSON);
CREATE TABLE IF NOT EXISTS tarn.run_steps (run_id VARCHAR, step VARCHAR, started_at TIMESTAMP, milliseconds BIGINT, row_count BIGINT, attempts INTEGER);
-- How far each part of the source has been read; written in the transaction of the rows.
CREATE TABLE IF NOT EXISTS tarn.positions (
  identity VARCHAR, name VARCHAR, source_partition INTEGER, next_offset BIGINT, size BIGINT, prefix_digest VARCHAR, complete BOOLEAN);
-- What was refused. layer bronze: a record that is no event (raw holds its bytes, up to 64 KiB of an oversize one);
-- layer silver: a bronze row that the model table_name refused (seq tells which). No row is here without a reason.
CREATE TABLE IF NOT EXISTS tarn.quarantine (
  id BIGINT, layer VARCHAR, table_name VARCHAR, seq BIGINT,
  reasons STRUCT(column_name VARCHAR, rule VARCHAR, value VARCHAR)[],
  raw BLOB, raw_size BIGINT, raw_sha256 VARCHAR,
  source_name VARCHAR, source_partition INTEGER, source_offset BIGINT, quarantined_at TIMESTAMP, run_id VARCHAR,
  record_key BLOB, record_headers JSON, record_timestamp TIMESTAMP); -- of bronze rejects; a silver reject's are in its bronze row
-- Records that the source lost before they were read, and that the project said to go on without. next_offset NULL: nobody knows how many.
CREATE TABLE IF NOT EXISTS tarn.gaps (
  run_id VARCHAR, noticed_at TIMESTAMP, source_name VARCHAR, source_partition INTEGER, first_offset BIGINT, next_offset BIGINT, why VARCHAR);
-- Files from before Kafka.
ALTER TABLE tarn.quarantine ADD COLUMN IF NOT EXISTS record_key BLOB;
ALTER TABLE tarn.quarantine ADD COLUMN IF NOT EXISTS record_headers JSON;
ALTER TABLE tarn.quarantine ADD COLUMN IF NOT EXISTS record_timestamp TIMESTAMP;
-- Bronze rows whose unique key a silver row already had: which row was kept instead.
CREATE TABLE IF NOT EXISTS tarn.duplicates (
  table_name VARCHAR, seq BIGINT, kept_seq BIGINT, kept_source_name VARCHAR, kept_source_partition INTEGER, kept_source_offset BIGINT, run_id VARCHAR);
-- What the file's tables were built from: digests of models, rules and settings.
CREATE TABLE IF NOT EXISTS tarn.objects (name VARCHAR, kind VARCHAR, digest VARCHAR, definition VARCHAR);
-- The published schema with the project's notes.
CREATE TABLE IF NOT EXISTS tarn.columns (table_name VARCHAR, layer VARCHAR, column_index INTEGER, column_name VARCHAR, data_type VARCHAR, note VARCHAR);
-- How many bronze rows failed each quality rule: one row per run and rule, so that a run counts only its own rows.
CREATE TABLE IF NOT EXISTS tarn.quality_reasons (reason VARCHAR, row_count BIGINT);
-- Answers of endpoints with `precompute: true`: one row for each combination of parameters. body: the rows as JSON, joined by commas; row_ends:
-- where each ends in it, in bytes, so that the first n rows are a beginning of it. digest: of the endpoint's file that they were rendered from.
CREATE TABLE IF NOT EXISTS tarn.precomputed (endpoint VARCHAR, digest VARCHAR, parameters VARCHAR, row_ends BIGINT[], body VARCHAR);
