-- Records that were offered again. $1, $2: first and last id.
DELETE FROM tarn.quarantine WHERE layer = 'bronze' AND id BETWEEN $1 AND $2
