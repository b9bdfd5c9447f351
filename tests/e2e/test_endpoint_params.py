"""Parameters of endpoints over HTTP: lists, limits of dates and times, and what is said of those that are refused."""
import pytest

from conftest import ROOT

LISTS = """/*
route: /api/v1/lists
shape: one
params:
  ids: {type: array, items: string, max_items: 3}
  numbers: {type: array, items: integer, minimum: 1, default: [7, 8]}
  days: {type: array, items: date, minimum: 2026-01-01}
  times: {type: array, items: timestamp}
  ratios: {type: array, items: number}
  flags: {type: array, items: boolean}
  risks: {type: array, items: enum, values: [high, low]}
*/
SELECT $ids AS ids, $numbers AS numbers, $days AS days, $times AS times, $ratios AS ratios, $flags AS flags, $risks AS risks,
       typeof($numbers) AS type, (SELECT count(*) FROM gold_subscriber_features WHERE $ids IS NULL OR list_contains($ids, subscriber_id)) AS n
"""
PATH = """/*
route: /api/v1/of/{ids}
params: {ids: {type: array, items: string}}
*/
SELECT unnest($ids) AS id
"""


@pytest.fixture(scope="module")
def published(tarn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("params") / "telecom"
    tarn("init", folder)
    tarn("run", "-C", folder, "--from", ROOT / "tests/acceptance/events.ndjson", "--final")
    (folder / "api" / "lists.sql").write_text(LISTS)
    (folder / "api" / "path.sql").write_text(PATH)
    tarn("validate", "-C", folder)
    return folder


@pytest.fixture
def server(serve, published):
    return serve(published)


ABSENT = {"ids": None, "numbers": [7, 8], "days": None, "times": None, "ratios": None, "flags": None, "risks": None}


@pytest.mark.parametrize("query, expected", [
    ("", {}),
    ("ids=SUB-00000,SUB-00001", {"ids": ["SUB-00000", "SUB-00001"]}),
    ("ids=SUB-00000&ids=SUB-00001,x", {"ids": ["SUB-00000", "SUB-00001", "x"]}),
    ("ids=a%2Cb,c+d", {"ids": ["a,b", "c d"]}),
    ("ids=", {"ids": [""]}),
    ("numbers=1", {"numbers": [1]}),
    ("numbers=9223372036854775807", {"numbers": [9223372036854775807]}),
    ("days=2026-01-01,2026-02-28", {"days": ["2026-01-01", "2026-02-28"]}),
    ("times=2026-01-01T00:00:00Z", {"times": ["2026-01-01T00:00:00Z"]}),
    ("ratios=1,2.5", {"ratios": [1.0, 2.5]}),
    ("flags=true,false", {"flags": [True, False]}),
    ("risks=low&risks=high", {"risks": ["low", "high"]}),
])
def test_a_list_is_given_with_commas_or_again_and_again(server, query, expected):
    found = server.get(f"/api/v1/lists?{query}").json()
    assert found.pop("type") == "BIGINT[]"
    assert found.pop("n") == (sum(id.startswith("SUB-") for id in expected["ids"]) if "ids" in expected else 639)
    assert found == {**ABSENT, **expected}


def test_a_list_in_the_path(server):
    assert server.get("/api/v1/of/a,b%2Cc").json() == [{"id": "a"}, {"id": "b,c"}]


@pytest.mark.parametrize("query, said", [
    ("ids=1,2,3,4", "it has 4 values, but takes at most 3 values separated by commas, each a text of at most 256 characters"),
    ("numbers=1,,2", "'' is not an integer of at least 1"),
    ("numbers=1,0", "'0' is not an integer of at least 1"),
    ("days=2025-12-31", "'2025-12-31' is not a date like 2026-01-31, not before 2026-01-01"),
    ("ids=a,%ff", "it is not percent-encoded UTF-8 text"),
    ("risks=high,medium", "'medium' is not one of high, low"),
])
def test_a_list_that_does_not_fit_is_named(server, query, said):
    response = server.get(f"/api/v1/lists?{query}")
    assert response.status_code == 422
    assert response.json()["errors"] == [{"parameter": query.split("=")[0], "in": "query", "detail": said}]
