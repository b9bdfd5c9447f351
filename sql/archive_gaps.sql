-- What the source lost and was gone on without, as a document.
SELECT coalesce(to_json(list(g ORDER BY g.noticed_at, g.source_name, g.source_partition, g.first_offset)), '[]')::VARCHAR FROM tarn.gaps g
