-- The generation that the content was compared with, as its own ledger had it.
INSERT INTO tarn.generations (generation, run_id, published_at, tarn_version, duckdb_version, project_digest, positions)
VALUES ($1, $2, make_timestamp($3::BIGINT), $4, $5, $6, $7)
