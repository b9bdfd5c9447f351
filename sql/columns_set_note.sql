UPDATE tarn.columns SET note = $3 WHERE table_name = $1 AND lower(column_name) = lower($2)
