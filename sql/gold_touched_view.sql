-- Stands before the table of the same name, so that the model's SELECT sees only the rows of touched keys.
CREATE OR REPLACE TEMP VIEW {source} AS
SELECT * FROM {catalog}.main.{source} AS source WHERE EXISTS (SELECT 1 FROM tarn_touched AS touched WHERE {match})
