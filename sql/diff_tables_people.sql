SELECT layer, "table", coalesce(from_rows::VARCHAR, 'none') AS "from", coalesce(to_rows::VARCHAR, 'none') AS "to",
  coalesce(to_rows, 0) - coalesce(from_rows, 0) AS difference,
  CASE WHEN from_rows IS NULL THEN 'new table' WHEN to_rows IS NULL THEN 'dropped' WHEN same_content THEN 'same' ELSE 'changed' END AS content
FROM ({rows})
