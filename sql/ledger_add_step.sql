INSERT INTO tarn.run_steps VALUES ($1, $2, make_timestamp($3), $4, $5, $6)
