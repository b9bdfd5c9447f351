INSERT INTO tarn.precomputed VALUES ($1, $2, $3, coalesce($4::BIGINT[], []), $5)
