"""`tarn query`: one SELECT over the published file, for people and for scripts."""
import csv
import io
import json
import os
import subprocess

import pytest

from conftest import clean_environment, program


@pytest.fixture
def query(tarn, published):
    def run(sql, *args, **kwargs):
        return tarn("query", "-C", published, sql, *args, **kwargs)

    return run


@pytest.fixture
def refused(query):
    def run(sql, *args, **kwargs):
        done = query(sql, *args, check=False, **kwargs)
        assert done.stdout == ""
        return done

    return run


def test_table_is_aligned_and_counted(query):
    done = query("SELECT * FROM (VALUES ('SUB-1', 1, NULL), ('b', -20, 1.5)) t(id, events, mean) ORDER BY id")
    assert done.stdout == ("id     events  mean\n"
                           "─────  ──────  ────\n"
                           "SUB-1       1  NULL\n"
                           "b         -20   1.5\n")
    assert done.stderr == "(2 rows)\n"


def test_table_shows_the_first_hundred_rows_and_says_so(query):
    done = query("SELECT seq FROM bronze_raw_events ORDER BY seq")
    assert len(done.stdout.splitlines()) == 102
    assert done.stderr == "(the first 100 rows; --limit N shows more, --limit 0 all)\n"
    assert len(query("FROM bronze_raw_events", "--limit", "3").stdout.splitlines()) == 5
    whole = query("FROM gold_subscriber_features", "--limit", "0")
    assert len(whole.stdout.splitlines()) == 641 and whole.stderr.startswith("(639 rows)\n")


def test_table_cuts_long_values_and_cannot_command_the_terminal(query):
    done = query("SELECT repeat('x', 100) AS long, chr(27) || '[2J' AS nasty")
    assert done.stdout.splitlines()[2] == "x" * 59 + "…" + "  \\x1b[2J"
    assert "--format json shows them whole" in done.stderr


def test_json_holds_every_type(query):
    done = query("SELECT 1 AS i, 9007199254740993 AS big, 'nan'::DOUBLE AS nan, 1.10 AS d, TIMESTAMP '2026-01-01' AS t, [1, NULL] AS l, "
                 "{'a': 'x'} AS s, '{\"k\": [1]}'::JSON AS j, NULL AS n", "--format", "json")
    assert json.loads(done.stdout) == [{"i": 1, "big": 9007199254740993, "nan": None, "d": 1.1, "t": "2026-01-01T00:00:00Z", "l": [1, None],
                                        "s": {"a": "x"}, "j": {"k": [1]}, "n": None}]
    assert done.stderr == ""


def test_csv_reads_back(query):
    done = query("SELECT 'a,\"b\"' AS x, NULL AS y, '' AS z, 1.5 AS w", "--format", "csv", binary=True)
    assert done.stdout == b'x,y,z,w\r\n"a,""b""",,"",1.5\r\n'
    assert list(csv.DictReader(io.StringIO(done.stdout.decode(), newline=""))) == [{"x": 'a,"b"', "y": "", "z": "", "w": "1.5"}]


def test_json_and_csv_are_whole_however_long(query):
    rows = json.loads(query("SELECT i FROM range(300000) t(i)", "--format", "json").stdout)
    assert [row["i"] for row in rows] == list(range(300000))
    assert query("SELECT i FROM range(300000) t(i)", "--format", "csv").stdout.count("\n") == 300001


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the sanitizer keeps freed memory")
def test_memory_is_bounded_by_a_block_not_by_the_result(published):
    """In memory these rows would take 640 MB."""
    with open(os.devnull, "wb") as nowhere:
        process = subprocess.Popen([program(), "query", "-C", published, "--format", "csv",
                                    "SELECT i AS a, i AS b, i AS c, i AS d, i AS e, i AS f, i AS g, i AS h FROM range(10000000) t(i)"],
                                   stdout=nowhere, env=clean_environment())
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert usage.ru_maxrss < 300 * 1024  # KiB


def test_sql_from_standard_input(query):
    assert json.loads(query("-", "--format", "json", input="SELECT 'é' AS v -- from a file\n;\n").stdout) == [{"v": "é"}]


def test_needs_no_project_where_db_path_is_set(tarn, published, tmp_path):
    done = tarn("query", "SELECT count(*) AS n FROM gold_subscriber_features", "--format", "json", cwd=tmp_path,
                env={"DB_PATH": str(published / "telecom.duckdb")})
    assert json.loads(done.stdout) == [{"n": 639}]


@pytest.mark.parametrize("sql", ["SELECT 1", "FROM gold_subscriber_features LIMIT 1", "VALUES (1)", "WITH x AS (SELECT 1) SELECT * FROM x",
                                 "DESCRIBE gold_subscriber_features", "SHOW TABLES", "SUMMARIZE gold_subscriber_features", "EXPLAIN SELECT 1",
                                 "SELECT generation FROM tarn.generations"])
def test_what_reads_is_allowed(query, sql):
    assert query(sql).stdout


@pytest.mark.parametrize("sql", ["DELETE FROM gold_subscriber_features", "CREATE TABLE x AS SELECT 1", "CREATE TEMP TABLE x AS SELECT 1",
                                 "SET memory_limit = '1GB'", "ATTACH '/tmp/other.duckdb'",
                                 "PREPARE q AS SELECT 1", "CALL pragma_version()"])
def test_what_does_not_is_refused(refused, sql):
    done = refused(sql)
    assert done.returncode == 2
    assert "only a statement that reads is allowed" in done.stderr


@pytest.mark.parametrize("sql, said", [
    ("SELEC 1", "syntax error"),
    ("SELECT 1; SELECT 2", "multiple statements"),
    ("", "No statement"),
    ("SELECT nothing FROM gold_subscriber_features", 'Referenced column "nothing" not found'),
    ("SELECT $1", "parameters"),
    ("SELECT 1::VARIANT AS v", "column v"),
    ("SELECT CAST('x' AS INTEGER)", "Could not convert"),
    ("FROM read_csv('/etc/passwd')", "disabled"),
    ("COPY gold_subscriber_features TO '/tmp/x.csv'", "disabled"),
    ("FROM '/etc/passwd'", "no table '/etc/passwd'"),
])
def test_a_faulty_query_is_a_usage_error_that_says_why(refused, sql, said):
    done = refused(sql)
    assert done.returncode == 2
    assert said in done.stderr


def test_unknown_table_lists_the_tables_and_the_nearest(refused):
    done = refused("SELECT * FROM gold_subscriber_feature")
    assert done.returncode == 2
    assert "there is no table 'gold_subscriber_feature'" in done.stderr
    assert "did you mean gold_subscriber_features? The tables are: bronze_raw_events, gold_subscriber_features, silver_clean_events, tarn." in done.stderr


@pytest.mark.parametrize("args, said", [
    ([], "takes one SQL statement"),
    (["SELECT", "1"], "several arguments"),
    (["SELECT 1", "--format", "xml"], "--format is table, json or csv"),
    (["SELECT 1", "--format", "csv", "--limit", "5"], "--limit is for the table format only"),
    (["SELECT 1", "--limit", "-5"], "--limit is below zero"),
])
def test_wrong_options(tarn, published, args, said):
    done = tarn("query", "-C", published, *args, check=False)
    assert done.returncode == 2 and said in done.stderr and done.stdout == ""


def test_error_as_json(refused):
    error = json.loads(refused("SELECT * FROM nowhere", "--log", "json").stderr)
    assert error["code"] == 2 and error["message"] == "there is no table 'nowhere'" and "bronze_raw_events" in error["hint"]


def test_nothing_published_yet(tarn, tmp_path):
    done = tarn("query", "SELECT 1", check=False, env={"DB_PATH": str(tmp_path / "absent.duckdb")})
    assert done.returncode == 5
    assert "absent.duckdb" in done.stderr and "tarn run" in done.stderr


def test_full_disk_behind_standard_output(published):
    with open("/dev/full", "w") as full:
        done = subprocess.run([program(), "query", "-C", published, "SELECT 1"], stdout=full, stderr=subprocess.PIPE, env=clean_environment())
    assert done.returncode == 5 and b"cannot write to standard output" in done.stderr
