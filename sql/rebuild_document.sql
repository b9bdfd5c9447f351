-- Rows that a manifest keeps as a document.
DELETE FROM tarn.{table};
INSERT INTO tarn.{table} BY NAME SELECT unnest(from_json({document}::JSON, {structure}), max_depth := 2);
