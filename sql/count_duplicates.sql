SELECT count(*) FROM tarn.duplicates WHERE table_name = $1
