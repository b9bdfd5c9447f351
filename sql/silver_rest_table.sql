-- Bronze rows that are neither in silver nor duplicates.
CREATE OR REPLACE TEMP TABLE tarn_rest (seq BIGINT)
