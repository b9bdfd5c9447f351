SELECT identity, name, source_partition, next_offset, size, prefix_digest, complete
FROM tarn.positions
ORDER BY name, identity, source_partition
