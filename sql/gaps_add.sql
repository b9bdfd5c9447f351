-- $1 run, $2 microseconds since 1970, $3 source, $4 partition, $5 first offset that is lost, $6 first that is there, $7 why.
INSERT INTO tarn.gaps VALUES ($1, make_timestamp($2), $3, $4, $5, $6, $7)
