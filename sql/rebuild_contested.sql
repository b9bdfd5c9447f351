-- Records that are duplicates of one in another partition or file: how many, how many of them say something else, and some of their keys.
WITH content AS (SELECT seq, source_name, source_partition, source_offset, hash({content}) AS said FROM {bronze}),
contested AS (
  SELECT d.table_name, kept.said <> other.said AS differs,
    concat(other.source_name, ':', other.source_partition, ':', other.source_offset, ' against ',
           kept.source_name, ':', kept.source_partition, ':', kept.source_offset) AS which
  FROM tarn.duplicates d JOIN content other ON other.seq = d.seq JOIN content kept ON kept.seq = d.kept_seq
  WHERE (other.source_name, other.source_partition) IS DISTINCT FROM (kept.source_name, kept.source_partition))
SELECT count(*), count(*) FILTER (differs), array_to_string((list(which ORDER BY which) FILTER (differs))[:3], '; ') FROM contested
