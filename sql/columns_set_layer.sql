UPDATE tarn.columns SET layer = $2 WHERE table_name = $1
