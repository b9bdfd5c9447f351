INSERT INTO tarn.runs VALUES ($1, $2, make_timestamp($3), make_timestamp($4), $5, $6, $7, $8, $9, $10, $11, $12, $13)
