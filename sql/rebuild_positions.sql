-- $1: the rows of tarn.positions as a document.
DELETE FROM tarn.positions;
INSERT INTO tarn.positions BY NAME SELECT unnest(from_json({document}::JSON, {structure}), max_depth := 2);
