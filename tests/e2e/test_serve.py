"""`tarn serve`: the shipped project's endpoints over real HTTP, and what the server does with everything else."""
import concurrent.futures
import csv
import datetime
import decimal
import http.client
import json
import math
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest
import requests

from conftest import ROOT, TIMEOUT, clean_environment, free_port, program

LIST_COLUMNS = ["subscriber_id", "total_events", "avg_signal_dbm", "avg_latency_ms", "avg_bill_zmw", "max_days_overdue", "churn_label"]


@pytest.fixture
def with_endpoints(serve, published, tmp_path):
    """with_endpoints(name="...front matter and SQL...") -> a server whose project has these endpoints too."""

    def start(*args, **files):
        folder = tmp_path / "project"
        shutil.copytree(published, folder)
        for name, text in files.items():
            (folder / "api" / f"{name}.sql").write_text(text)
        return serve(folder, *args)

    return start


@pytest.fixture(scope="module")
def gold():
    """The rows of expected-gold.csv as typed dicts, by subscriber."""
    numbers = {}
    with (ROOT / "tests/acceptance/expected-gold.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            key = row["subscriber_id"]
            numbers[key] = {name: None if value == "" else value if name == "subscriber_id" else float(value) if "avg" in name else int(value)
                            for name, value in row.items()}
    return numbers


def problem(response, status):
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == status and document["title"] and document["detail"]
    return document


# ---- the shipped endpoints ----

def test_health(server):
    response = server.get("/api/v1/health")
    assert response.status_code == 200 and response.headers["Content-Type"] == "application/json"
    health = response.json()
    assert list(health) == ["status", "generation", "published_at", "age_seconds", "version"]
    assert health["status"] == "ok" and health["generation"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", health["published_at"])
    published_at = datetime.datetime.fromisoformat(health["published_at"][:19] + "+00:00")
    age = (datetime.datetime.now(datetime.timezone.utc) - published_at).total_seconds()
    assert 0 <= health["age_seconds"] <= age + 1
    assert re.fullmatch(r"\d+\.\d+\.\d+", health["version"])


def list_row(row):
    return {name: row[name] or (row[name] if name == "subscriber_id" else 0) for name in LIST_COLUMNS}


def riskiest_first(rows):
    return sorted(rows, key=lambda row: (-row["churn_label"], row["subscriber_id"].encode()))


@pytest.mark.parametrize("query, count, keep", [
    ("", 20, lambda row: True),
    ("?limit=1000", 1000, lambda row: True),
    ("?limit=5&risk=high", 5, lambda row: row["churn_label"] == 1),
    ("?risk=low&limit=1000", 1000, lambda row: row["churn_label"] == 0),
])
def test_subscribers(server, gold, query, count, keep):
    rows = server.get("/api/v1/subscribers" + query).json()
    assert rows == [list_row(row) for row in riskiest_first(filter(keep, gold.values()))][:count]
    assert list(rows[0]) == LIST_COLUMNS


def test_every_subscriber_by_any_case(server, gold):
    with requests.Session() as session:
        for key, row in gold.items():
            found = session.get(f"{server.url}/api/v1/subscribers/{requests.utils.quote(key.lower(), safe='')}").json()
            assert {name: found[name] for name in row} == row


def test_one_subscriber_has_all_gold_columns(server, rows, published):
    columns = [row["column_name"] for row in rows(published, "DESCRIBE gold_subscriber_features")]
    found = server.get("/api/v1/subscribers/SUB-00000").json()
    assert list(found) == columns
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["first_event_at"])


def mean(rows, name, digits):
    """The exact sum as a double, divided by the count, rounded as DuckDB does: half away from zero."""
    values = [decimal.Decimal(str(row[name])) for row in rows if row[name] is not None]
    scaled = float(sum(values)) / len(values) * 10 ** digits
    return math.copysign(math.floor(abs(scaled) + 0.5), scaled) / 10 ** digits


def test_summary_is_the_sum_of_gold(server, gold, rows, published):
    summary = server.get("/api/v1/analytics/summary").json()
    all_rows = list(gold.values())
    at_risk = sum(row["churn_label"] for row in all_rows)
    assert summary["subscribers"] == len(all_rows) and summary["at_risk"] == at_risk
    assert summary["churn_rate"] == round(at_risk / len(all_rows), 4)
    assert summary["total_events"] == sum(row["total_events"] for row in all_rows)
    assert summary["overdue_count"] == sum(row["overdue_count"] for row in all_rows)
    digits = {"avg_signal_dbm": 1, "avg_latency_ms": 1, "avg_packet_loss_pct": 2, "avg_bill_zmw": 2, "avg_data_used_mb": 0, "avg_battery_pct": 1,
              "avg_quality_score": 1}
    assert {name: summary[name] for name in digits} == {name: mean(all_rows, name, n) for name, n in digits.items()}
    assert summary["events_by_type"] == {name: sum(row[f"{name.lower()}_events"] for row in all_rows) for name in ("BSS", "OSS", "IoT")}
    assert summary["risk_by_plan"] == rows(published, "SELECT plan, count(*) AS subscribers, sum(churn_label) AS at_risk FROM gold_subscriber_features "
                                                      "GROUP BY plan ORDER BY plan NULLS LAST")


# ---- requests that are refused ----

@pytest.mark.parametrize("query, parameter, said", [
    ("limit=0", "limit", "'0' is not an integer from 1 to 1000"),
    ("limit=1001", "limit", "an integer from 1 to 1000"),
    ("limit=", "limit", "an integer from 1 to 1000"),
    ("limit=ten", "limit", "an integer from 1 to 1000"),
    ("limit=1&limit=2", "limit", "it is given 2 times"),
    ("risk=medium", "risk", "'medium' is not one of high, low"),
    ("risk=high%00", "risk", "it is not percent-encoded UTF-8 text"),
    ("limt=5", "limt", "there is no such parameter; allowed: limit, risk"),
])
def test_wrong_parameter_is_422_and_named(server, query, parameter, said):
    document = problem(server.get(f"/api/v1/subscribers?{query}"), 422)
    assert document["errors"][0]["parameter"] == parameter
    assert said in document["errors"][0]["detail"] and parameter in document["detail"]


def test_all_wrong_parameters_are_told_at_once(server):
    document = problem(server.get("/api/v1/subscribers?limit=0&risk=x&y=1"), 422)
    assert [error["parameter"] for error in document["errors"]] == ["limit", "risk", "y"]


def test_unknown_subscriber_is_404(server):
    assert problem(server.get("/api/v1/subscribers/SUB-99999"), 404)["detail"] == "there is no such subscriber"
    problem(server.get("/api/v1/subscribers/' OR 1=1 --"), 404)


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1/subscribers/", "/api/v1/nowhere", "/api/v1/subscribers/a/b", "/%ff", "/api/v1/../v1/health%2F"])
def test_unknown_path_is_404_and_lists_the_routes(server, path):
    document = problem(server.get(path), 404)
    assert {"/api/v1/analytics/summary", "/api/v1/health", "/api/v1/subscribers", "/api/v1/subscribers/{subscriber_id}"} <= set(document["routes"])



@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_wrong_method_is_405_with_allow(server, method):
    response = server.request(method, "/api/v1/subscribers", data=b"x" * 100000 if method == "POST" else None)
    problem(response, 405)
    assert response.headers["Allow"] == "GET, HEAD"


def test_invalid_utf8_in_a_path_parameter_is_422(server):
    document = problem(server.get("/api/v1/subscribers/%ff%fe"), 422)
    assert document["errors"] == [{"parameter": "subscriber_id", "in": "path", "detail": "it is not percent-encoded UTF-8 text"}]


def test_head_is_get_without_the_body(server):
    got, head = server.get("/api/v1/subscribers"), server.request("HEAD", "/api/v1/subscribers")
    assert head.status_code == 200 and head.content == b""
    assert head.headers["Content-Length"] == got.headers["Content-Length"] and head.headers["Content-Type"] == "application/json"
    assert server.request("HEAD", "/nowhere").status_code == 404


def test_long_target_is_414(server):
    problem(server.get("/api/v1/subscribers/" + "x" * 9000), 414)


@pytest.mark.parametrize("request_bytes", [
    b"\x00\xff\x16\x03\x01 garbage\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10000 + b"\r\n", b"POST /api/v1/health HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"])
def test_garbage_does_not_stop_the_server(server, request_bytes):
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=TIMEOUT) as raw:
        try:
            raw.sendall(request_bytes)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(65536):
                pass
        except OSError:  # it hung up on us, as it may
            pass
    assert server.get("/api/v1/health").ok


# ---- values ----

def test_values_are_always_valid_json(with_endpoints):
    server = with_endpoints(values="""/*
route: /api/v1/values
shape: one
*/
SELECT 'nan'::DOUBLE AS nan, '-inf'::FLOAT AS inf, NULL AS nothing, 9007199254740993 AS big, '{"a":NaN}'::JSON AS loose, '{"a": [1]}'::JSON AS j,
       chr(0) || '"' AS text, '\\xFF'::BLOB AS bytes, TIMESTAMP '2026-01-01' AS t
""")
    assert server.get("/api/v1/values").json() == {
        "nan": None, "inf": None, "nothing": None, "big": 9007199254740993, "loose": '{"a":NaN}', "j": {"a": [1]}, "text": '\0"', "bytes": "/w==",
        "t": "2026-01-01T00:00:00Z"}


def test_dates_and_times_are_bound_with_their_types(with_endpoints):
    server = with_endpoints(recent="""/*
route: /api/v1/recent
params:
  since: {type: timestamp, required: true}
  until: {type: date}
*/
SELECT count(*) AS n, typeof($since) AS since, typeof($until) AS until
FROM gold_subscriber_features WHERE last_event_at >= $since AND ($until IS NULL OR first_event_at::DATE <= $until)
""")
    assert server.get("/api/v1/recent?since=1999-01-01T00:00:00Z&until=2099-01-01").json() == [{"n": 639, "since": "TIMESTAMP", "until": "DATE"}]
    assert server.get("/api/v1/recent?since=2199-01-01T00:00:00Z").json()[0]["n"] == 0
    problem(server.get("/api/v1/recent?since=soon"), 422)
    problem(server.get("/api/v1/recent"), 422)


def test_failure_is_500_without_secrets_and_with_an_id_in_the_log(with_endpoints):
    server = with_endpoints(broken="""/*
route: /api/v1/broken
*/
SELECT CAST(subscriber_id AS INTEGER) AS the_secret_column FROM gold_subscriber_features
""")
    response = server.get("/api/v1/broken")
    document = problem(response, 500)
    assert "secret" not in response.text and "SUB-" not in response.text and "CAST" not in response.text
    log = server.log.read_text()
    assert document["request_id"] == response.headers["X-Request-Id"] and document["request_id"] in log and "Could not convert" in log
    assert server.get("/api/v1/health").ok


# ---- the life of a server ----

def test_many_clients_get_the_same_answers(server):
    paths = ["/api/v1/health", "/api/v1/subscribers?limit=100", "/api/v1/subscribers/SUB-00000", "/api/v1/analytics/summary"] * 50

    def ask(path):
        response = server.get(path)
        assert response.status_code == 200
        return path, b"" if path.endswith("health") else response.content

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(ask, paths))
    assert len(answers) == 4


def test_connections_are_kept_alive(server):
    connection = http.client.HTTPConnection(server.url.split("//")[1], timeout=TIMEOUT)
    connection.request("GET", "/api/v1/health")
    connection.getresponse().read()
    first = connection.sock
    for method in ("HEAD", "GET", "GET"):
        connection.request(method, "/nowhere")
        connection.getresponse().read()
        assert connection.sock is first
    connection.close()


def processor_ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_stop_finishes_what_is_in_flight(with_endpoints, stop_signal):
    server = with_endpoints(slow="""/*
route: /api/v1/slow
*/
SELECT count(*) AS n FROM range(150000000) t(i) WHERE i % 7 = 3
""")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        before = processor_ticks(server.pid)
        answer = pool.submit(server.get, "/api/v1/slow")
        while processor_ticks(server.pid) < before + 5 and not answer.done():
            time.sleep(0.001)  # until the query is seen to work
        assert not answer.done()
        server.process.send_signal(stop_signal)
        assert answer.result(TIMEOUT).json() == [{"n": 21428571}]
    assert server.process.wait(TIMEOUT) == 0
    with pytest.raises(requests.ConnectionError):
        server.get("/api/v1/health")


def test_stop_with_idle_connections_is_prompt_and_clean(server):
    with requests.Session() as session:
        assert session.get(server.url + "/api/v1/health").ok
        assert server.stop() == 0


def serve_fails(folder, *args, env=None):
    done = subprocess.run([program(), "serve", "-C", str(folder), *args], env=clean_environment(env), capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode != 0 and done.stdout == ""
    return done


def test_port_in_use(server, published):
    done = serve_fails(published, env={"PORT": server.url.rsplit(":", 1)[1]})
    assert done.returncode == 5
    assert "cannot listen on 127.0.0.1 port" in done.stderr and "--port" in done.stderr


@pytest.mark.parametrize("args, env, code, said", [
    (["--port", "70000"], {}, 2, "from 0 to 65535"),
    ([], {"PORT": "http"}, 2, "the value of PORT is no port"),
    (["--host", "nowhere.invalid"], {}, 5, "cannot listen on the host 'nowhere.invalid'"),
])
def test_wrong_surroundings(published, args, env, code, said):
    done = serve_fails(published, *args, env={"PORT": str(free_port()), **env})
    assert done.returncode == code and said in done.stderr


def test_a_file_that_is_not_tarns(published, tmp_path):
    other = tmp_path / "x.duckdb"
    other.write_bytes(b"not a database" * 1000)
    done = serve_fails(published, env={"PORT": str(free_port()), "DB_PATH": str(other)})
    assert done.returncode == 5 and "corrupt" in done.stderr


@pytest.mark.parametrize("text, said", [
    ("/*\nroute: /api/v1/x\n*/\nSELECT * FROM tarn.no_such_table\n", "x"),
    ("/*\nroute: /api/v1/health\n*/\nSELECT 1\n", "/api/v1/health"),
    ("/*\nroute: /api/v1/x\n*/\nSELECT $undeclared\n", "undeclared"),
])
def test_faulty_endpoint_stops_the_start(published, tmp_path, text, said):
    folder = tmp_path / "project"
    shutil.copytree(published, folder)
    (folder / "api" / "x.sql").write_text(text)
    done = serve_fails(folder, env={"PORT": str(free_port())})
    assert done.returncode == 2 and said in done.stderr


def test_flag_wins_over_environment_and_free_port_is_told(published):
    process = subprocess.Popen([program(), "serve", "-C", str(published), "--port", "0"], env=clean_environment({"PORT": "1"}), stderr=subprocess.PIPE, text=True)
    try:
        url = re.search(r"http://127\.0\.0\.1:\d+", process.stderr.readline())[0]
        assert requests.get(url + "/api/v1/health", timeout=TIMEOUT).ok
    finally:
        process.terminate()
        assert process.wait(TIMEOUT) == 0
        process.stderr.close()


def test_log_json_has_one_line_per_request_without_the_query(serve, published):
    server = serve(published, "--log", "json")
    server.get("/api/v1/subscribers?limit=3")
    server.get("/nowhere")
    server.stop()
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    requests = [line for line in lines if "method" in line]  # the first may be answered before the server says that it serves
    assert [line["message"] for line in lines if "method" not in line] == ["serving"]
    asked = [(line["method"], line["path"], line["status"]) for line in requests if line["path"] != "/api/v1/health"]
    assert sorted(asked) == [("GET", "/api/v1/subscribers", 200), ("GET", "/nowhere", 404)]
    assert all(line["bytes"] > 0 and line["elapsed_us"] >= 0 for line in requests)
