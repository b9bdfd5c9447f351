-- How many bronze rows failed each rule. $1: first seq.
INSERT INTO tarn.quality_reasons
SELECT reason, count(*) FROM (SELECT unnest(quality_reasons) AS reason FROM {bronze} WHERE seq >= $1 AND len(quality_reasons) > 0) GROUP BY reason
