-- The answers of endpoint $1 that were rendered from its file as digest $2 says it is.
SELECT parameters, body, array_to_string(row_ends, ' ') FROM tarn.precomputed WHERE endpoint = $1 AND digest = $2
