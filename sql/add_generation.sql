INSERT INTO tarn.generations (generation, run_id, published_at, rolled_back_from, tarn_version, duckdb_version, project_digest, positions)
VALUES ($1, $2, make_timestamp($3::BIGINT), $4, $5, $6, $7, $8)
