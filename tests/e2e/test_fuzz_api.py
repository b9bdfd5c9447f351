"""Random requests made from /openapi.json, right ones and wrong ones, and every answer held to it: a crash, a 5xx, a status, type or body that is
not described, a right request that is refused and a wrong one that is taken are all failures. TARN_SOAK=1: at least 10,000 requests."""
import os
import re
import subprocess

import pytest

from conftest import ROOT

SCHEMATHESIS = ROOT / "build" / "schemathesis" / "bin" / "schemathesis"
SOAK = "TARN_SOAK" in os.environ
TIMEOUT = 3600 if SOAK else 600
PER_OPERATION, LEAST = (1800, 10_000) if SOAK else (12, 300)
EVERY_TYPE = """/*
route: /api/v1/every-type/{day}
description: One parameter of every type.
shape: one
params:
  day: {type: date, description: the day, examples: [2026-01-31]}
  number: {type: integer, minimum: -5, maximum: 5, default: 0, description: a number}
  ratio: {type: number, minimum: 0, maximum: 1, description: a ratio}
  flag: {type: boolean, default: true, description: a flag}
  since: {type: timestamp, description: a time}
  code: {type: string, pattern: '[a-z]+', max_length: 9, required: true, description: a code}
  word: {type: enum, values: [high, low], description: a word}
  ids: {type: array, items: integer, minimum: 1, max_items: 3, description: ids}
  words: {type: array, items: string, max_length: 20, max_items: 5, description: words}
*/
SELECT $day AS day, $number AS number, $ratio AS ratio, $flag AS flag, $since AS since, $code AS code, $word AS word, $ids AS ids, $words AS words,
       {a: $number, b: [$ratio]} AS nested, MAP {'k': $flag} AS map, 'NaN'::DOUBLE AS nan, 2::HUGEINT ** 100 AS huge, 1.50::DECIMAL(9, 2) AS dec
"""


@pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="schemathesis is not there: tools/fetch-test-tools gets it from PyPI")
def test_random_requests_find_nothing(tarn, serve, tmp_path):
    folder = tmp_path / "telecom"
    tarn("init", folder)
    tarn("run", "-C", folder, "--from", ROOT / "tests/acceptance/events.ndjson", "--final")
    (folder / "api" / "every_type.sql").write_text(EVERY_TYPE)
    server = serve(folder)
    done = subprocess.run(
        [SCHEMATHESIS, "--config-file", ROOT / "tests/e2e/schemathesis.toml", "run", f"{server.url}/openapi.json", "--seed", "7",
         "-n", str(PER_OPERATION), "--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--workers", "2", "--suppress-health-check", "all"],
        cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:] + server.log.read_text(errors="replace")[-2000:]
    generated = int(re.search(r"([\d,]+) generated", done.stdout)[1].replace(",", ""))
    assert generated >= LEAST
    assert server.process.poll() is None and server.get("/api/v1/health").json()["status"] == "ok"
    assert server.stop() == 0
