DELETE FROM tarn.quarantine WHERE layer = 'silver' AND table_name = $1
