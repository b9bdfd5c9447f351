-- Where the records of this file come from, as a document.
SELECT coalesce(to_json(list(p)), '[]')::VARCHAR FROM (
  SELECT source_name, source_partition, min(source_offset) AS first_offset, max(source_offset) AS last_offset, count(*) AS rows
  FROM (SELECT source_name, source_partition, source_offset FROM {bronze}
        UNION ALL SELECT source_name, source_partition, source_offset FROM tarn.quarantine WHERE layer = 'bronze')
  GROUP BY ALL) p
