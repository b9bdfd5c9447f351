SELECT count(*) FROM tarn.quarantine WHERE layer = $1 AND table_name = $2
