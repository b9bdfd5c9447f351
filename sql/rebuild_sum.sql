-- $1: list of 128-bit numbers as text.
SELECT coalesce(sum((value->>'$')::HUGEINT), 0)::VARCHAR FROM json_each($1::JSON)
