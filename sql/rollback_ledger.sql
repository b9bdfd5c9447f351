-- The ledger of the attached current file replaces the older one of the work file.
DELETE FROM tarn.generations;
DELETE FROM tarn.table_states;
DELETE FROM tarn.runs;
DELETE FROM tarn.run_steps;
INSERT INTO tarn.generations BY NAME SELECT * FROM current_file.tarn.generations;
INSERT INTO tarn.table_states BY NAME SELECT * FROM current_file.tarn.table_states;
INSERT INTO tarn.runs BY NAME SELECT * FROM current_file.tarn.runs;
INSERT INTO tarn.run_steps BY NAME SELECT * FROM current_file.tarn.run_steps;
-- Numbers that were given out stay given out.
UPDATE tarn.meta SET value = c.value FROM current_file.tarn.meta c
WHERE meta.key = c.key AND meta.key IN ('next_seq', 'next_quarantine_id') AND c.value::BIGINT > meta.value::BIGINT;
