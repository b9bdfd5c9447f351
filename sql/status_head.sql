-- The published generation.
SELECT generation, epoch_us(published_at), coalesce(rolled_back_from, 0) FROM tarn.generations ORDER BY generation DESC LIMIT 1
