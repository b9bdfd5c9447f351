-- How far each part of the source was read, as a document.
SELECT coalesce(to_json(list(p ORDER BY p.name, p.identity, p.source_partition)), '[]')::VARCHAR FROM tarn.positions p
