-- Generation $1 has the tables of generation $2.
INSERT INTO tarn.table_states BY NAME SELECT * REPLACE ($1 AS generation) FROM tarn.table_states WHERE generation = $2
