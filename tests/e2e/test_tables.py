"""Reads of published tables: /api/v1/tables/NAME with select, filters, order, limit, cursor and count in PostgREST's grammar."""
import base64
import itertools
import json
import random
import shutil
import urllib.parse

import pytest
import requests

from conftest import ROOT

GOLD = "/api/v1/tables/gold_subscriber_features"
THINGS = "/api/v1/tables/gold_things"

# A table with every type that can be compared, with ties, NULLs, NaN, infinities, and texts that mean something to a grammar or to SQL.
THINGS_SQL = r"""/*---
description: Things of every type
columns:
  id: counts from 0
---*/
SELECT i::BIGINT AS id,
       CASE WHEN i % 7 = 0 THEN NULL ELSE (i * 37) % 11 END::INTEGER AS small,
       CASE i % 10 WHEN 0 THEN NULL WHEN 1 THEN 'nan' WHEN 2 THEN 'inf' WHEN 3 THEN '-inf' ELSE ((i * 31) % 17 - 8) / 4 END::DOUBLE AS real,
       ((i * 13) % 9 / 10)::FLOAT AS single,
       CASE WHEN i % 5 > 0 THEN (i * 29) % 1000 / 8 END::DECIMAL(10, 2) AS price,
       ((i % 6)::HUGEINT - 3) * 100000000000000000000 AS huge,
       CASE WHEN i % 4 > 0 THEN i % 3 = 0 END AS flag,
       [NULL, '', 'null', 'a,b', 'x.y', '(z)', 'it''s', 'say "hi"', 'back\slash', '100%', 'under_score', 'Ndola é', ' space ', '*',
        repeat('long', 200), '; DROP TABLE gold_things; --'][i % 16 + 1] AS word,
       [NULL, 'low', 'high', 'very ''odd'''][i % 4 + 1]::ENUM('low', 'high', 'very ''odd''') AS level,
       DATE '2026-01-31' - (i % 40)::INTEGER AS day,
       TIMESTAMP '2026-01-01' + to_milliseconds(i % 50 * 1234567) AS happened,
       TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_hours(i % 30) AS zoned,
       TIME '12:00:00' + to_minutes(i % 13) AS clock,
       CASE WHEN i % 3 > 0 THEN ('00112233-4455-6677-8899-aabbccddee' || format('{:02x}', i % 9))::UUID END AS code,
       encode('b' || i % 6) AS bytes,
       json_object('n', i % 3) AS doc,
       [i % 2] AS list,
       {'a': i % 2} AS pair
FROM range(300) t(i)
"""
SCALARS = ["id", "small", "real", "single", "price", "huge", "flag", "word", "level", "day", "happened", "zoned", "clock", "code", "bytes", "doc"]


@pytest.fixture(scope="module")
def published(tarn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables") / "telecom"
    tarn("init", folder)
    (folder / "gold/gold_things.sql").write_text(THINGS_SQL)
    config = folder / "tarn.yaml"
    config.write_text(config.read_text().replace("tables: [", "tables: [gold_things, "))
    tarn("run", "-C", folder, "--from", ROOT / "tests/acceptance/events.ndjson", "--final")
    return folder


@pytest.fixture(scope="module")
def server(serve_module, published):
    return serve_module(published)


@pytest.fixture
def sql(rows, published):
    return lambda text: rows(published, text)


def get(server, path, **parameters):
    response = server.get(path + "?" + urllib.parse.urlencode(parameters))
    assert response.status_code == 200, response.text[:500]
    return response.json()


def ids(found):
    return [row["id"] for row in found]


def refusal(server, path, status=422):
    response = server.get(path)
    assert response.status_code == status, response.text[:500]
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.json()


# ---- which tables there are ----

def test_list(server):
    tables = server.get("/api/v1/tables").json()
    assert [table["name"] for table in tables] == ["gold_things", "gold_subscriber_features", "silver_clean_events"]
    things = tables[0]
    assert things["description"] == "Things of every type" and things["rows"] == 300 and things["layer"] == "gold"
    assert things["columns"][0] == {"name": "id", "type": "BIGINT", "note": "counts from 0"}
    assert server.get(things["href"]).ok


@pytest.mark.parametrize("name", ["bronze_raw_events", "tarn.runs", "runs", "duckdb_settings", "nope", "%22gold_things%22", "gold_things%00", "..%2Fx"])
def test_others_are_not_there(server, name):
    problem = refusal(server, f"/api/v1/tables/{name}", 404)
    assert "tables" not in problem or problem["tables"] == ["gold_things", "gold_subscriber_features", "silver_clean_events"]


def test_name_that_is_nearly_right(server):
    assert refusal(server, "/api/v1/tables/gold_thing", 404)["hint"] == "did you mean gold_things?"


def test_project_names_a_table_that_is_not_there(tarn, published, tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(published, folder)
    config = folder / "tarn.yaml"
    config.write_text(config.read_text().replace("gold_things,", "gold_thingz,"))
    done = tarn("validate", "-C", folder, check=False)
    assert done.returncode == 2 and "serve.tables: there is no table 'gold_thingz'" in done.stdout + done.stderr
    assert "did you mean 'gold_things'?" in done.stdout + done.stderr


# ---- what a read looks like ----

def test_first_page(server, sql):
    response = server.get(GOLD)
    assert response.json() == sql("SELECT * FROM gold_subscriber_features ORDER BY rowid LIMIT 100")
    assert response.headers["Content-Range"] == "0-99/*"


def test_select_and_aliases(server):
    row = get(server, THINGS, select="id,number:small,\"word\",id", limit=1)[0]
    assert list(row) == ["id", "number", "word", "id_1"]
    assert list(get(server, THINGS, select="*,again:id", limit=1)[0])[-1] == "again"


def test_an_alias_hides_no_column(server):
    found = get(server, THINGS, select="small:id,id:small", order="id.desc", id="lt.5")
    assert [row["small"] for row in found] == [4, 3, 2, 1, 0]


def test_count(server):
    for request in ({"params": {"count": "exact"}}, {"headers": {"Prefer": "return=minimal, count=exact"}}):
        response = server.get(THINGS + "?small=gt.5&limit=3", **request)
        total = len(get(server, THINGS, small="gt.5", limit=1000))
        assert response.headers["Content-Range"] == f"0-2/{total}" and len(response.json()) == 3
        assert "Prefer" in response.headers["Vary"] and "Accept" in response.headers["Vary"]
    assert server.get(THINGS + "?id=lt.0&count=exact").headers["Content-Range"] == "*/0"


def test_last_page_has_no_link(server):
    assert "next" in server.get(THINGS + "?limit=299").links
    assert "next" not in server.get(THINGS + "?limit=300").links


def pages(server, path):
    """Every page from path on, as its Link says."""
    with requests.Session() as session:
        while path:
            response = session.get(urllib.parse.urljoin(server.url, path))
            assert response.status_code == 200, response.text[:500]
            yield response.json()
            path = response.links.get("next", {}).get("url")


def test_cursor_belongs_to_table_order_and_generation(server):
    link = server.get(THINGS + "?limit=2&order=small").links["next"]["url"]
    cursor = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)["cursor"][0]
    assert "another table or order" in refusal(server, f"{THINGS}?order=real&cursor={cursor}")["detail"]
    assert "another table or order" in refusal(server, f"{GOLD}?order=total_events&cursor={cursor}")["detail"]
    made = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    made[1] = 7
    other = base64.urlsafe_b64encode(json.dumps(made).encode()).decode().rstrip("=")
    assert "belongs to generation 7, this is 1" in refusal(server, f"{THINGS}?order=small&cursor={other}")["detail"]


@pytest.mark.parametrize("cursor", ["", "x", "*", "AAAA", "W10", "bnVsbA", "WzFd", "a" * 4000, "%00"])
def test_cursor_that_is_none(server, cursor):
    refusal(server, f"{THINGS}?cursor={cursor}")


def test_pages_stay_in_their_generation(serve, run_report, project, rows):
    """A run between two pages changes none of them: the next page's address names the generation."""
    lines = (ROOT / "tests/acceptance/events.ndjson").read_bytes().splitlines(keepends=True)
    (project / "events/a.ndjson").write_bytes(b"".join(lines[:1500]))
    run_report(project, "--final")
    server = serve(project)
    expected = [row["subscriber_id"] for row in rows(project, "SELECT subscriber_id FROM gold_subscriber_features ORDER BY total_events DESC, rowid")]
    read = pages(server, GOLD + "?order=total_events.desc&limit=100&select=subscriber_id")
    found = next(read)
    (project / "events/b.ndjson").write_bytes(b"".join(lines[1500:]))
    run_report(project, "--final")
    server.wait_generation(2)
    assert [row["subscriber_id"] for row in found + list(itertools.chain.from_iterable(read))] == expected


def test_a_column_that_hides_the_row_number(serve, tarn, project):
    (project / "gold/gold_odd.sql").write_text("SELECT event_id AS rowid FROM silver_clean_events")
    config = project / "tarn.yaml"
    config.write_text(config.read_text().replace("tables: [", "tables: [gold_odd, "))
    tarn("run", "-C", project, "--from", ROOT / "tests/acceptance/events.ndjson", "--final")
    assert "it has a column rowid" in refusal(serve(project), "/api/v1/tables/gold_odd")["detail"]


# ---- filters, each with the SQL that it means ----

FILTERS = [
    ("small=eq.3", "small = 3"),
    ("small=neq.3", "small <> 3"),
    ("small=gt.2.5", "small > 2.5"),
    ("small=lt.1e30", "small IS NOT NULL"),
    ("small=not.in.(1,2,3)", "small NOT IN (1, 2, 3)"),
    ("small=is.null", "small IS NULL"),
    ("small=not.is.null", "small IS NOT NULL"),
    ("small=isdistinct.3", "small IS DISTINCT FROM 3"),
    ("id=gte.10&id=lt.20", "id >= 10 AND id < 20"),
    ("real=eq.0.25", "real = 0.25"),
    ("real=gt.Infinity", "isnan(real)"),
    ("real=eq.-Infinity", "real = '-inf'"),
    ("single=eq.0.1", "single = 0.1::FLOAT"),
    ("price=gte.12.5", "price >= 12.5"),
    ("price=lt.0.999", "price < 0.999"),
    ("huge=eq.-300000000000000000000", "huge = -300000000000000000000"),
    ("huge=gt.1e20", "huge > 1e20"),
    ("flag=is.true", "flag"),
    ("flag=not.is.false", "flag IS DISTINCT FROM false"),
    ("flag=is.unknown", "flag IS NULL"),
    ("flag=eq.false", "NOT flag"),
    ("word=eq.", "word = ''"),
    ("word=eq.null", "word = 'null'"),
    ("word=eq.a,b", "word = 'a,b'"),
    ("word=in.(%22a,b%22,x.y,%22(z)%22)", "word IN ('a,b', 'x.y', '(z)')"),
    ("word=in.(%22say%20%5C%22hi%5C%22%22,%22back%5C%5Cslash%22)", "word IN ('say \"hi\"', 'back\\slash')"),
    ("word=in.()", "false"),
    ("word=like.*an*", "word LIKE '%an%'"),
    ("word=like.under%5C_%25", "word LIKE 'under!_%' ESCAPE '!'"),
    ("word=like.*%5C%25", "word LIKE '%!%' ESCAPE '!'"),
    ("word=ilike.NDOLA*", "word ILIKE 'ndola%'"),
    ("word=eq.;%20DROP%20TABLE%20gold_things;%20--", "word = '; DROP TABLE gold_things; --'"),
    ("level=eq.very%20'odd'", "level = 'very ''odd'''"),
    ("level=gte.high", "level >= 'high'::ENUM('low', 'high', 'very ''odd''')"),
    ("level=ilike.L*", "level::VARCHAR ILIKE 'l%'"),
    ("day=lte.2026-01-10", "day <= DATE '2026-01-10'"),
    ("happened=gt.2026-01-01T02:00:00Z", "happened > TIMESTAMP '2026-01-01 02:00:00'"),
    ("happened=gte.2026-01-02", "happened >= TIMESTAMP '2026-01-02'"),
    ("zoned=eq.2026-01-01T05:00:00%2B02:00", "zoned = TIMESTAMPTZ '2026-01-01 03:00:00+00'"),
    ("clock=lt.12:05", "clock < TIME '12:05:00'"),
    ("code=eq.00112233-4455-6677-8899-AABBCCDDEE05", "code = '00112233-4455-6677-8899-aabbccddee05'"),
    ("bytes=eq.YjM=", "bytes = encode('b3')"),
    ("doc=eq.%7B%22n%22:1%7D", "doc::VARCHAR = '{\"n\":1}'"),
    ("list=is.null", "list IS NULL"),
    ("or=(small.eq.1,word.like.x*)", "small = 1 OR word LIKE 'x%'"),
    ("and=(id.lt.100,or(small.is.null,not.and(flag.is.true,real.gt.0)))", "id < 100 AND (small IS NULL OR NOT (flag IS NOT DISTINCT FROM true AND real > 0))"),
    ("not.or=(small.eq.1,small.eq.2)&flag=is.true", "NOT (small = 1 OR small = 2) AND flag"),
    ("or=(word.in.(%22a,b%22,x.y),word.eq.%22(z)%22,id.not.gt.3)", "word IN ('a,b', 'x.y', '(z)') OR NOT id > 3"),
    ("%22small%22=eq.3", "small = 3"),
]


@pytest.mark.parametrize("given, means", FILTERS, ids=[given for given, _ in FILTERS])
def test_filter(server, sql, given, means):
    expected = ids(sql(f"SELECT id FROM gold_things WHERE {means} ORDER BY rowid"))
    assert ids(server.get(f"{THINGS}?{given}&select=id&limit=1000").json()) == expected


def test_examples_tell_rows_apart(sql):
    """A filter that fits all rows or none would prove nothing."""
    counts = [row["n"] for row in sql(" UNION ALL ".join(f"SELECT count(*) AS n FROM gold_things WHERE {means}" for _, means in FILTERS))]
    assert sum(0 < n < 300 for n in counts) >= len(FILTERS) - 5


# ---- random requests against plain SQL ----

def random_filter(rng, value_of):
    """(what the request says without its column, the column, what SQL says)"""
    column = rng.choice([name for name in SCALARS if name != "doc"])
    operator, symbol = rng.choice([("eq", "="), ("neq", "<>"), ("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<="), ("is", "IS")])
    shown, text = value_of[column][rng.randrange(len(value_of[column]))]
    if operator == "is" or shown is None or text is None:
        return column, "is.null", f"({column} IS NULL)"
    return column, f"{operator}.{shown}", f"({column} {symbol} {text})"


def random_order(rng):
    terms, texts = [], []
    for column in rng.sample(SCALARS, rng.randrange(4)):
        descending, nulls = rng.choice(["", ".asc", ".desc"]), rng.choice(["", ".nullsfirst", ".nullslast"])
        first = nulls == ".nullsfirst" or (not nulls and descending == ".desc")
        terms.append(column + descending + nulls)
        texts.append(f"{column} {'DESC' if descending == '.desc' else 'ASC'} NULLS {'FIRST' if first else 'LAST'}")
    return ",".join(terms), ", ".join(texts + ["rowid"])


@pytest.mark.parametrize("seed", range(20))
def test_random_reads_equal_sql(server, sql, seed):
    """Pages from the first to the last, put together, are the rows that the SQL gives, in its order: none is missing, none comes twice."""
    rng = random.Random(seed)
    shown = sql("SELECT " + ", ".join(name for name in SCALARS) + " FROM gold_things ORDER BY gold_things.id")
    texts = sql("SELECT " + ", ".join(f"'CAST(''' || replace({name}::VARCHAR, '''', '''''') || ''' AS ' || typeof({name}) || ')' AS {name}" for name in SCALARS)
                + " FROM gold_things ORDER BY gold_things.id")
    value_of = {name: [(None if a[name] is None else json.dumps(a[name]) if isinstance(a[name], (bool, float, int)) else a[name], b[name]) for a, b in zip(shown, texts)]
                for name in SCALARS}
    filters = [random_filter(rng, value_of) for _ in range(rng.randrange(3))]
    order, order_sql = random_order(rng)
    parameters = [(column, condition) for column, condition, _ in filters] + [("limit", str(rng.choice([2, 7, 50, 299, 300])))]
    if order:
        parameters.append(("order", order))
    if rng.random() < 0.5:
        parameters.append(("select", "id,word"))
    found = list(itertools.chain.from_iterable(pages(server, THINGS + "?" + urllib.parse.urlencode(parameters))))
    where = " AND ".join(text for _, _, text in filters) or "true"
    assert ids(found) == ids(sql(f"SELECT id FROM gold_things WHERE {where} ORDER BY {order_sql}")), parameters


# ---- what is refused ----

@pytest.mark.parametrize("query, said", [
    ("smal=eq.1", "no column 'smal'; did you mean small?"),
    ("small=eqq.1", "no operator 'eqq'; did you mean eq?"),
    ("small=1", "no operator '1'"),
    ("small=", "no operator ''"),
    ("small=not.not.eq.1", "no operator 'not'"),
    ("small=eq.abc", "'abc' is not a number"),
    ("small=eq.null", "use is.null"),
    ("small=eq.0x10", "is not a number"),
    ("small=in.1,2", "in takes a list in brackets"),
    ("small=in.(1,2", "a list is not closed"),
    ("small=in.(1,2)3", "more behind the end"),
    ("small=is.true", "is takes null"),
    ("small=like.1*", "has no pattern"),
    ("word=like.x%5C", "single backslash"),
    ("flag=eq.yes", "'yes' is not true or false"),
    ("level=eq.medium", "'medium' is no word of"),
    ("day=eq.2026-02-30", "'2026-02-30' is not a date"),
    ("happened=gt.2026-01-01T05:00:00+02:00", "a plus sign is written %2B"),
    ("clock=eq.25:00", "is not a time"),
    ("code=eq.5", "is not a UUID"),
    ("bytes=eq.%25", "is not base64"),
    ("list=eq.1", "cannot be compared"),
    ("pair=gt.1", "cannot be compared"),
    ("or=small.eq.1", "in brackets"),
    ("or=(small.eq.1", "not closed"),
    ("or=(small)", "comes an operator"),
    ("or=()", "no column ''"),
    ("and=(or(small.eq.1)", "not closed"),
    ("and=" + "and(" * 20 + "id.eq.1" + ")" * 20, "in brackets"),
    ("and=(" + "and(" * 20 + "id.eq.1" + ")" * 21, "nested deeper than 16"),
    ("order=smal", "no column 'smal'"),
    ("order=small.descending", "is not asc, desc"),
    ("order=small.nullslast.desc", "is not asc, desc"),
    ("order=list", "cannot be ordered by"),
    ("order=rowid", "no column 'rowid'"),
    ("select=", "no column ''"),
    ("select=smal", "no column 'smal'"),
    ("select=small::text", "casts are not known"),
    ("select=count(*)", "no column 'count(*)'"),
    ("limit=0", "from 1 to 10000"),
    ("limit=10001", "from 1 to 10000"),
    ("limit=1&limit=2", "more than once"),
    ("offset=10", "there is no offset"),
    ("count=planned", "is not exact"),
    ("word=%ff", "not percent-encoded UTF-8"),
    ("%22word=eq.1", "a double quote is not closed"),
])
def test_refused(server, query, said):
    problem = refusal(server, f"{THINGS}?{query}")
    assert any(said in error["detail"] for error in problem["errors"]), problem
    assert "small" in problem["columns"] and "eq" in problem["operators"]


def test_every_fault_is_told(server):
    problem = refusal(server, THINGS + "?smal=eq.1&order=wrd&limit=x")
    assert [error["parameter"] for error in problem["errors"]] == ["smal", "order", "limit"]


ATTACKS = ["1 OR 1=1", "1; DROP TABLE gold_things", "' OR ''='", "\" OR \"\"=\"", "$1", "?", "(SELECT 1)", "1--", "1/**/", "{}", "{condition}", "\\", "%27"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_values_are_never_sql(server, attack):
    """As a text each is a text that no row has; as a number, name or order it is refused. Never is it run."""
    escaped = urllib.parse.quote(attack, safe="")
    assert server.get(f"{THINGS}?word=eq.{escaped}").json() == []
    assert server.get(f"{THINGS}?word=in.({escaped.replace('%2C', '')})").status_code in (200, 422)
    for place in ("id=eq.", "order=", "select=x,", "limit=", "cursor=", "or=", "count="):
        refusal(server, f"{THINGS}?{place}{escaped}")
    refusal(server, f"{THINGS}?{escaped}=eq.1")
    assert len(get(server, THINGS, limit=300, select=f'id,"{attack}":word' if '"' not in attack and "\\" not in attack else "id")) == 300
