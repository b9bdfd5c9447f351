-- Hashes of unique keys that occur more than once: few, so that the exact comparison is cheap.
CREATE OR REPLACE TEMP TABLE tarn_candidates (key_hash UBIGINT)
