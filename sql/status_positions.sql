-- How far each part of the source was read.
SELECT name, source_partition AS "partition", next_offset, size, complete FROM tarn.positions ORDER BY name, source_partition
