"""/openapi.json and /docs: the API as it describes itself, held against what it does."""
import json
import re
import subprocess

import pytest
import requests

from conftest import ROOT, TIMEOUT

REDOCLY = ROOT / "tests" / "node_modules" / ".bin" / "redocly"
EXTRA = {
    "lists": """/*
route: /api/v1/lists/{day}
description: Lists.
params:
  ids: {type: array, items: integer, minimum: 1, default: [7, 8], max_items: 3, examples: ['1,2']}
  day: {type: date, minimum: 2026-01-01, description: the day}
  since: {type: timestamp, required: true}
  ratio: {type: number, minimum: 0.5}
  flag: {type: boolean, default: true}
  code: {type: string, pattern: '[a-z]+', max_length: 9}
examples: /api/v1/lists/2026-02-01?since=2026-01-01T00:00:00Z
limit: 5
cache: 90s
*/
SELECT $ids AS ids, {d: $day, s: [$since]} AS nested, MAP {'a': $ratio} AS map, $flag AS flag, $code AS code, '{}'::JSON AS j, 'a'::ENUM('a', 'b') AS e,
       '\\xFF'::BLOB AS bytes, 1.5::DECIMAL(4, 1) AS dec, [1, 2]::INT[2] AS fixed, union_value(n := 1) AS u, DATE '2026-01-01' AS d
""",
    "no_types": "/* {route: /api/v1/no-types, params: {what: {type: string, required: true}}} */ SELECT CASE WHEN $what = '' THEN error('x') END AS x\n",
}


@pytest.fixture(scope="module")
def published(published):
    for name, text in EXTRA.items():
        (published / "api" / f"{name}.sql").write_text(text)
    return published


@pytest.fixture
def api(server):
    return server.get("/openapi.json").json()


def parameters(api, path):
    return {p["name"]: p for p in api["paths"][path]["get"]["parameters"] if "name" in p}


def row(api, path):
    schema = api["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    return schema["items"] if schema["type"] == "array" else schema


def test_every_route_is_described_and_nothing_else(server, api):
    routes = set(server.get("/nowhere").json()["routes"])
    pages = {route for route in routes if route.startswith("/docs")}
    tables = {f"/api/v1/tables/{name}" for name in ("gold_subscriber_features", "silver_clean_events")}
    assert set(api["paths"]) == routes - pages - {"/api/v1/tables/{table}"} | tables and api["openapi"] == "3.1.0" and api["info"]["title"] == "telecom"


def test_parameters_say_what_is_allowed(api):
    told = parameters(api, "/api/v1/lists/{day}")
    assert told["ids"]["schema"] == {"type": "array", "items": {"type": "integer", "format": "int64", "minimum": 1}, "minItems": 1, "maxItems": 3,
                                     "default": [7, 8], "examples": [[1, 2]]}
    assert told["day"] == {"name": "day", "in": "path", "required": True, "schema": {"type": "string", "format": "date"},
                           "description": "the day: a date like 2026-01-31, not before 2026-01-01"}
    assert told["since"]["required"] and told["since"]["schema"] == {"type": "string", "format": "date-time"}
    assert told["ratio"]["schema"] == {"type": "number", "format": "double", "minimum": 0.5}
    assert told["flag"]["schema"] == {"type": "boolean", "default": True}
    assert told["code"]["schema"] == {"type": "string", "maxLength": 9, "pattern": "^(?:[a-z]+)$"}
    assert parameters(api, "/api/v1/subscribers")["risk"]["schema"]["enum"] == ["high", "low"]


def test_columns_have_types_and_the_projects_notes(api):
    lists = row(api, "/api/v1/lists/{day}")["properties"]
    assert lists["ids"] == {"type": ["array", "null"], "items": {"type": ["integer", "null"], "format": "int64"}}
    assert lists["nested"]["properties"]["s"]["items"]["format"] == "date-time" and lists["nested"]["required"] == ["d", "s"]
    assert lists["map"]["additionalProperties"]["type"] == ["number", "null"]
    assert lists["e"]["enum"] == ["a", "b", None] and lists["bytes"]["contentEncoding"] == "base64"
    assert lists["fixed"]["minItems"] == lists["fixed"]["maxItems"] == 2 and lists["u"]["maxProperties"] == 1
    subscriber = row(api, "/api/v1/subscribers/{subscriber_id}")
    assert subscriber["properties"]["total_events"]["description"] == "events of any type"
    assert set(subscriber["required"]) == set(subscriber["properties"]) and len(subscriber["required"]) == 18


def test_each_published_table_is_told_with_filters_by_its_columns(server, api):
    told = parameters(api, "/api/v1/tables/gold_subscriber_features")
    assert list(told)[:4] == ["select", "order", "limit", "cursor"] and "events of any type (BIGINT)" in told["total_events"]["description"]
    columns = row(api, "/api/v1/tables/gold_subscriber_features")
    assert columns["properties"]["total_events"]["type"] == ["integer", "null"] and "required" not in columns
    assert server.get("/api/v1/tables/gold_subscriber_features?total_events=gte.5&limit=1").ok


def test_an_endpoint_whose_types_cannot_be_told_is_described_all_the_same(api):
    assert "what" in parameters(api, "/api/v1/no-types")


def test_limit_cache_and_examples_are_told(api):
    operation = api["paths"]["/api/v1/lists/{day}"]["get"]
    assert operation["description"] == "At most 5 rows. May be kept for 90 s."
    assert operation["x-tarn-examples"] == ["/api/v1/lists/2026-02-01?since=2026-01-01T00:00:00Z"]


def test_every_example_is_answered(server, api):
    examples = [example for path in api["paths"].values() for example in path["get"].get("x-tarn-examples", [])]
    assert len(examples) > 3
    for example in examples:
        assert server.get(example).status_code == 200, example


def test_the_shipped_project_is_exemplary(api):
    for path in ("/api/v1/subscribers", "/api/v1/subscribers/{subscriber_id}", "/api/v1/analytics/summary"):
        operation = api["paths"][path]["get"]
        assert operation["x-tarn-examples"] and operation["summary"].endswith(".")
        assert all(p.get("description") for p in parameters(api, path).values())


def test_the_document_is_cached_by_its_tag(server):
    first = server.get("/openapi.json")
    again = server.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and not again.content and again.headers["ETag"] == first.headers["ETag"]


def test_with_keys_it_says_how_to_send_one(serve, published, tarn, tmp_path):
    key = tarn("keys", "people", "--file", tmp_path / "keys").stdout.strip()
    server = serve(published, env={"TARN_KEYS_FILE": str(tmp_path / "keys")})
    assert server.get("/openapi.json").status_code == 401 and server.get("/docs").ok
    document = server.get("/openapi.json", headers={"Authorization": f"Bearer {key}"})
    api = document.json()
    assert {scheme["type"] for scheme in api["components"]["securitySchemes"].values()} == {"http", "apiKey"} and api["security"]
    assert {"401", "403", "429"} <= set(api["paths"]["/api/v1/subscribers"]["get"]["responses"])
    assert api["paths"]["/api/v1/health"]["get"]["security"] == []
    check(document.content, tmp_path)


def test_an_official_validator_finds_it_valid(server, tmp_path):
    check(server.get("/openapi.json").content, tmp_path)


def check(document, tmp_path):
    (tmp_path / "openapi.json").write_bytes(document)
    done = subprocess.run([REDOCLY, "lint", "--extends", "recommended-strict", "--skip-rule", "info-license", "--format", "stylish", tmp_path / "openapi.json"],
                          capture_output=True, text=True, timeout=TIMEOUT, env={"PATH": "/usr/bin:/bin:/usr/local/bin", "REDOCLY_TELEMETRY": "off", "HOME": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr


# ---- the page ----

def test_the_page_loads_nothing_from_elsewhere(server):
    page = server.get("/docs")
    policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert policy["default-src"] == "'none'" and {policy[name] for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    texts = [page.text] + [server.get(f"/docs/docs.{kind}").text for kind in ("css", "js")]
    assert not any("//" in text.replace("https?://", "").replace("// ", "") and "http" in text for text in texts)


@pytest.mark.parametrize("path, kind", [("/docs/docs.css", "text/css"), ("/docs/docs.js", "text/javascript")])
def test_what_the_page_loads_is_there(server, path, kind):
    response = server.get(path)
    assert response.ok and response.headers["Content-Type"].startswith(kind) and path.removeprefix("/") in server.get("/docs").text


def test_the_log_says_where_the_page_is(server):
    assert f"{server.url}/docs" in server.log.read_text()


# ---- docs/api.md ----

def test_the_commands_of_the_page_for_readers_do_what_it_says(server):
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    examples = re.findall(r"^\$ (curl .*)\n((?:(?!```).*\n)*)", page, re.M)
    assert len(examples) >= 4
    for command, shown in examples:
        done = subprocess.run(["bash", "-c", command.replace("http://localhost:8000", server.url)], capture_output=True, text=True, timeout=TIMEOUT)
        assert done.returncode == 0 and json.loads(done.stdout)
        assert not shown or done.stdout.startswith(shown.strip().removesuffix("...")), (command, done.stdout)
