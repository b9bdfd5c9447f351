-- The published generation: number, run, project, time. Counters are of tarn.meta.
SELECT generation, run_id, project_digest, epoch_us(published_at),
  coalesce((SELECT value FROM tarn.meta WHERE key = 'received'), '0')::BIGINT,
  coalesce((SELECT value FROM tarn.meta WHERE key = 'next_seq'), '1')::BIGINT,
  coalesce((SELECT value FROM tarn.meta WHERE key = 'next_quarantine_id'), '1')::BIGINT
FROM tarn.generations ORDER BY generation DESC LIMIT 1
