"""Who may use the engine, for how long, and what a client's own pace costs the others."""
import concurrent.futures
import http.client
import os
import pathlib
import re
import shutil
import signal
import socket

import pytest
import requests

from conftest import ROOT, TIMEOUT
from http_raw import Raw, is_problem

SLOW = """/*
route: /api/v1/slow
params:
  salt: {type: integer, default: 0}
*/
SELECT count(*) AS n FROM range(1000000000000) t(i) WHERE i % 7 = $salt
"""
BIG = """/*
route: /api/v1/big
params:
  rows: {type: integer, default: 300000}
*/
SELECT i, repeat('x', 100) AS t FROM range($rows) t(i)
"""
LATE = """/*
route: /api/v1/late
*/
SELECT i, CASE WHEN i = 100000 THEN error('the secret reason') ELSE repeat('x', 100) END AS t FROM range(200000) t(i)
"""
QUICK = "/api/v1/big?rows=1"  # quick, but the engine has to answer it
WORKERS = 4  # with TARN_THREADS=1


@pytest.fixture(scope="module")
def published(tarn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("admission") / "telecom"
    tarn("init", folder)
    for name, text in {"slow": SLOW, "big": BIG, "late": LATE}.items():
        (folder / "api" / f"{name}.sql").write_text(text)
    tarn("run", "-C", folder, "--from", ROOT / "tests/acceptance/events.ndjson", "--final")
    return folder


@pytest.fixture
def configured(serve, published, tmp_path):
    """configured(timeout="1s") -> a server with four workers whose project says so under serve."""

    def start(*args, **keys):
        folder = shutil.copytree(published, tmp_path / "project")
        config = folder / "tarn.yaml"
        lines = "".join(f"  {name}: {value}\n" for name, value in {"cache": 0, **keys}.items())
        config.write_text(config.read_text().replace("serve:\n", "serve:\n" + lines))
        return serve(folder, *args, env={"TARN_THREADS": "1"})

    return start


def get(target):
    return f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def metric(server, name):
    """The value of a metric without labels."""
    return float(re.search(rf"^{name} (\S+)$", server.get("/metrics").text, re.MULTILINE)[1])


def test_a_query_that_takes_too_long_is_stopped_in_the_engine(configured):
    server = configured(timeout="300ms")
    with concurrent.futures.ThreadPoolExecutor(3 * WORKERS) as pool:
        answers = list(pool.map(server.get, [f"/api/v1/slow?salt={i}" for i in range(3 * WORKERS)]))
    for answer in answers:
        document = answer.json()
        assert answer.status_code == 503 and answer.headers["Content-Type"] == "application/problem+json"
        assert "was stopped after 0.3 seconds" in document["detail"] and "serve.timeout" in document["hint"] or "waited too long" in document["detail"]
    assert server.get(QUICK).ok  # the workers are free again
    assert "error" not in server.log.read_text()  # nothing failed


def test_a_client_that_hangs_up_stops_its_query(configured):
    server = configured(timeout="1h")
    for raw in [Raw(server).send(get(f"/api/v1/slow?salt={i}")) for i in range(3 * WORKERS)]:
        raw.socket.close()
    assert server.get(QUICK).ok  # it would wait for an hour


def test_a_full_queue_is_503_with_retry_after(configured):
    server = configured(timeout="1h", queue=2, drain_timeout="1s")
    crowd = [Raw(server).send(get(f"/api/v1/slow?salt={i}")) for i in range(WORKERS + 2)]
    server.wait_for("full", lambda: metric(server, "tarn_queue_waiting") == 2)
    refused = server.get(QUICK)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1 and "queue is full" in refused.json()["detail"]
    assert server.get("/livez").ok  # what needs no engine needs no place
    for raw in crowd:
        raw.socket.close()
    server.wait_for("free again", lambda: server.get(QUICK).ok)


def test_answers_tell_how_long_they_waited_and_took(configured):
    server = configured()
    for path in (QUICK, "/api/v1/big", "/nowhere", "/livez"):
        timing = server.get(path).headers["Server-Timing"]
        queued, elapsed = re.fullmatch(r"queued;dur=(\d+\.\d+), elapsed;dur=(\d+\.\d+)", timing).groups()
        assert 0 <= float(queued) <= float(elapsed)


# ---- long answers ----

def peak_memory(server):
    status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ or "TARN_SERVER" in os.environ, reason="a sanitizer has memory of its own")
def test_a_long_answer_takes_no_more_memory_than_a_short_one(configured):
    server = configured()
    assert len(server.get("/api/v1/big?rows=30000").json()) == 30000
    before = peak_memory(server)
    with server.get("/api/v1/big?rows=2000000", stream=True) as response:
        received = sum(len(part) for part in response.iter_content(1 << 20))
    assert received > 200_000_000
    assert peak_memory(server) < before + 32_000_000


def test_clients_that_do_not_read_hold_no_worker(configured):
    server = configured(max_streams=3 * WORKERS)
    crowd = []
    for _ in range(3 * WORKERS):
        raw = Raw(server)
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        crowd.append(raw.send(get("/api/v1/big")))
        assert raw.begin() == 200
    assert server.get(QUICK).ok
    for raw in crowd:
        raw.socket.close()


def test_too_many_long_answers_are_503(configured):
    server = configured(max_streams=1)
    with Raw(server) as reader:
        reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert reader.send(get("/api/v1/big")).begin() == 200
        with Raw(server) as other:
            response = other.send(get("/api/v1/big")).response()
            assert "too many long answers" in is_problem(response, 503)["detail"] and int(response[1]["retry-after"]) >= 1
            assert other.send(get("/api/v1/big?rows=100")).response()[0] == 200


def test_a_failure_on_the_way_cuts_the_answer(configured):
    server = configured()
    with pytest.raises(requests.exceptions.ChunkedEncodingError), server.get("/api/v1/late", stream=True) as response:
        assert response.ok
        for _ in response.iter_content(1 << 20):
            pass
    assert "the secret reason" in server.log.read_text()


def test_a_client_that_leaves_a_long_answer_frees_its_place(configured):
    server = configured(max_streams=1)
    with Raw(server) as raw:
        assert raw.send(get("/api/v1/big")).begin() == 200
    server.wait_for("free again", lambda: server.get("/api/v1/big?rows=50000").ok)


# ---- the end ----

def test_stop_finishes_a_long_answer_and_closes_idle_connections(configured):
    server = configured()
    with Raw(server) as idle, Raw(server) as reader:
        assert idle.send(get("/livez")).response()[0] == 200
        reader.send(get("/api/v1/big"))
        reader._more()
        server.process.send_signal(signal.SIGTERM)
        assert idle.response() is None
        status, _, body = reader.response()
        assert status == 200 and body.count(b'"i":') == 300000
    assert server.process.wait(TIMEOUT) == 0


def test_stop_does_not_wait_for_ever(configured):
    server = configured(drain_timeout="200ms", timeout="1h")
    with Raw(server) as slow, Raw(server) as lazy:
        lazy.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert lazy.send(get("/api/v1/big")).begin() == 200
        slow.send(get("/api/v1/slow"))
        server.wait_for("at work", lambda: metric(server, "tarn_queue_running") >= 1)
        server.process.send_signal(signal.SIGTERM)
        assert "the server ends" in is_problem(slow.response(), 503)["detail"]
        assert lazy.is_cut()
    assert server.process.wait(TIMEOUT) == 0
