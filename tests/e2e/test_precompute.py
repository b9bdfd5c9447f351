"""`precompute: true`: answers are rendered by the run, and are those that the query would give, byte for byte."""
import itertools
import shutil

import pytest
import shop

ODD = """\
/*
route: /api/v1/odd
shape: rows
limit: 3
params:
  dear: {type: boolean}
  kind: {type: enum, values: [tea, milk, "a&b=c"], default: tea}
  n: {type: integer, minimum: 0, maximum: 100, default: 50}
precompute: true
*/
SELECT id, kind, amount, 'quote " and comma, [' AS text, '{"a": 1}'::JSON AS json, 0.1::DOUBLE AS real, [amount, NULL] AS list
FROM silver_orders
WHERE ($dear IS NULL OR $dear = (amount > 9)) AND (kind = $kind OR $kind = 'a&b=c')
ORDER BY id LIMIT $n
"""
NONE = """\
/*
route: /api/v1/none
shape: one
not_found: nobody is here
precompute: true
*/
SELECT kind FROM gold_kinds WHERE kind = 'wine'
"""


def add(project, name, text):
    path = project / "api" / f"{name}.sql"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def without_precompute(project, folder):
    """The same project as the file does not know it: each request runs its query."""
    shutil.copytree(project, folder, ignore=shutil.ignore_patterns("*.duckdb*", "events"))
    for path in (folder / "api").iterdir():
        path.write_text(path.read_text() + "\n-- changed after the run\n")
    return folder


def check_equal(serve, project, database, tmp_path, requests, **arguments):
    rendered = serve(project)
    computed = serve(without_precompute(project, tmp_path / "computed"), env={"DB_PATH": str(database)})
    for path in requests:
        a, b = rendered.get(path, **arguments), computed.get(path, **arguments)
        assert (a.status_code, a.headers["Content-Type"]) == (b.status_code, b.headers["Content-Type"]), path
        if a.ok:
            assert a.content == b.content, path
        else:
            assert a.json()["detail"] == b.json()["detail"], path


def query(**parameters):
    return "&".join(f"{name}={value}" for name, value in parameters.items() if value is not None)


def test_precomputed_equals_computed(project, tarn, run_report, rows, serve, tmp_path):
    tarn("generate", "--events", 20000, "-o", project / "events" / "a.ndjson")
    report = run_report(project)
    assert [step["rows"] for step in report["steps"] if step["name"] == "precompute"] == [4]
    assert len(rows(project, "FROM tarn.precomputed")) == 4
    risks, limits = (None, "high", "low"), (None, 1, 2, 19, 20, 999, 1000)
    lists = [f"/api/v1/subscribers?{query(risk=r, limit=n)}" for r, n in itertools.product(risks, limits)]
    check_equal(serve, project, project / "telecom.duckdb", tmp_path, [*lists, "/api/v1/analytics/summary"], headers={"Accept-Encoding": "identity"})


@pytest.fixture
def small(tmp_path):
    project = shop.write(tmp_path / "shop")
    add(project, "odd", ODD)
    add(project, "none", NONE)
    return project


def test_every_combination_of_odd_values(small, run_report, rows, serve, tmp_path):
    run_report(small)
    assert len(rows(small, "FROM tarn.precomputed")) == 3 * 3 + 1
    dears, kinds, limits = (None, "true", "false"), (None, "tea", "milk", "a%26b%3Dc"), (None, 0, 1, 2, 3, 4, 100)
    odd = [f"/api/v1/odd?{query(dear=d, kind=k, n=n)}" for d, k, n in itertools.product(dears, kinds, limits)]
    formats = [f"/api/v1/odd?n=2&format={name}" for name in ("json", "ndjson", "csv")]
    check_equal(serve, small, small / "shop.duckdb", tmp_path, [*odd, *formats, "/api/v1/none", "/api/v1/odd?n=101"])


def test_answers_follow_data_and_project(small, tarn, run_report, rows):
    def answers():
        return {(r["endpoint"], r["parameters"]): r["body"] for r in rows(small, "FROM tarn.precomputed")}

    run_report(small)
    before = answers()
    assert run_report(small)["status"] == "unchanged"
    (small / "events" / "more.ndjson").write_text(shop.ndjson([("0", "milk", 7)]))
    assert run_report(small)["published"]
    assert answers()["odd", "kind=milk"].startswith('{"id":"0"')
    assert answers()["odd", "kind=tea"] == before["odd", "kind=tea"]

    shop.edit(small, "api/odd.sql", "ORDER BY id", "ORDER BY id DESC")
    report = run_report(small)
    assert {"object": "precomputed odd", "what": "changed"}.items() <= report["changes"][0].items()
    assert answers()["odd", "kind=milk"].endswith("}") and answers()["odd", "kind=milk"].startswith('{"id":"4"')
    tarn("verify", "-C", small)

    shop.edit(small, "api/odd.sql", "precompute: true\n", "")
    (small / "api" / "none.sql").unlink()
    assert not any(step["name"] == "precompute" for step in run_report(small)["steps"])
    assert answers() == {}


def test_answers_are_bounded_in_bytes(small, tarn):
    add(small, "big", "/*\nroute: /api/v1/big\nprecompute: true\n*/\nSELECT repeat('x', 1000000) FROM range(17)\n")
    done = tarn("run", "-C", small, check=False)
    assert done.returncode == 2
    assert "api/big.sql: the precomputed answers take more than 16 MiB" in done.stderr
    assert not (small / "shop.duckdb").exists()


HEAD = "/*\nroute: /api/v1/x\nprecompute: true\nparams:\n  a: {}\n*/\n"
# name: (what parameter a is, SQL, line, message)
FAULTS = {
    "text": ("{type: string}", "SELECT kind FROM gold_kinds WHERE kind = $a", 5, "takes only parameters whose values can be counted"),
    "integer_not_limit": ("{type: integer, default: 1, minimum: 1, maximum: 9}", "SELECT $a AS a FROM gold_kinds", 5, "may only be the LIMIT"),
    "limit_used_twice": ("{type: integer, default: 1, minimum: 1, maximum: 9}", "SELECT $a AS a FROM gold_kinds ORDER BY kind LIMIT $a", 5, "may only be the LIMIT"),
    "limit_within": ("{type: integer, default: 1, minimum: 1, maximum: 9}", "SELECT * FROM (FROM gold_kinds ORDER BY kind LIMIT $a)", 5, "may only be the LIMIT"),
    "no_order": ("{type: integer, default: 1, minimum: 1, maximum: 9}", "SELECT kind FROM gold_kinds LIMIT $a", 5, "has no certain rows"),
    "no_maximum": ("{type: integer, default: 1, minimum: 1}", "SELECT kind FROM gold_kinds ORDER BY 1 LIMIT $a", 5, "needs a maximum"),
    "no_minimum": ("{type: integer, default: 1, maximum: 9}", "SELECT kind FROM gold_kinds ORDER BY 1 LIMIT $a", 5, "needs a minimum"),
    "no_default": ("{type: integer, minimum: 1, maximum: 9}", "SELECT kind FROM gold_kinds ORDER BY 1 LIMIT $a", 5, "needs a default"),
    "many": (f"{{type: enum, values: [{', '.join(f'v{i}' for i in range(64))}]}}", "SELECT $a AS a FROM gold_kinds", 3, "65 combinations, and 64 is the most"),
    "now": ("{type: boolean}", "SELECT $a AS a,\n  now() AS at", 8, "now has another value at each request"),
    "current_date": ("{type: boolean}", "SELECT $a AS a, current_date AS today", 7, "current_date has another value"),
    "random_in_a_macro": ("{type: boolean}", "SELECT $a AS a, age(TIMESTAMP '2026-01-01') AS age", 7, "age has another value"),
    "own_tables": ("{type: boolean}", "SELECT $a AS a\nFROM tarn.runs", 8, "may not read Tarn's own tables: tarn.runs"),
    "table_function": ("{type: boolean}", "SELECT $a AS a FROM duckdb_settings()", 7, "reads tables, not duckdb_settings()"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_precomputed_is_a_fault(small, tarn, name):
    parameter, sql, line, message = FAULTS[name]
    add(small, "x", HEAD.replace("{}", parameter) + sql + "\n")
    done = tarn("validate", "-C", small, check=False)
    assert done.returncode == 2
    assert f"api/x.sql:{line}" in done.stderr and message in done.stderr and "hint: " in done.stderr
    assert "1 error," in done.stderr
