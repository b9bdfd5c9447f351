-- Bronze rows whose stored score or reasons are not what the rules of today give.
SELECT count(*)
FROM (SELECT quality_score, quality_reasons, {score} AS score, {reasons} AS reasons
      FROM (SELECT *, {failed} AS failed FROM (SELECT *{shared} FROM {bronze})))
WHERE quality_score <> score OR quality_reasons IS DISTINCT FROM reasons
