-- What the open file is: the newest row of its generations, and when the one before it was published.
SELECT generation, published_at, lag(published_at) OVER (ORDER BY generation) AS before,
       concat_ws(' ', generation, run_id, epoch_us(published_at), project_digest) AS identity
FROM tarn.generations
ORDER BY generation DESC
LIMIT 1
