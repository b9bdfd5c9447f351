SELECT coalesce(sum(row_count), 0)::BIGINT FROM tarn.quality_reasons WHERE reason = $1
