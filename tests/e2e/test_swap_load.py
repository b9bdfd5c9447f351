"""64 clients ask without pause while a generation is published every two seconds: no failed answer, none that mixes generations, and
nothing is left of the old ones. 15 seconds; a minute with TARN_SOAK=1."""
import collections
import hashlib
import http.client
import json
import os
import threading
import time

import pytest

from test_swap import EVENTS, configure, open_database_files, wait_for_one_open_file
from conftest import TIMEOUT

CLIENTS = 64
SECONDS = 60 if "TARN_SOAK" in os.environ else 15
PERIOD = 2
SLOWED_DOWN = any(name in os.environ for name in ("ASAN_OPTIONS", "TSAN_OPTIONS"))  # sanitizers keep freed memory on purpose

# Every row says which generation it is of, read again for each row.
ROWS = """/*
route: /api/v1/rows
params:
  n: {type: integer, default: 20, minimum: 1, maximum: 100000}
*/
SELECT g.generation, (SELECT count(*) FROM bronze_raw_events) AS events, (SELECT count(*) FROM silver_clean_events) AS silver, i AS row
FROM (SELECT max(generation) AS generation FROM tarn.generations) g, range($n) t(i) ORDER BY i
"""
KNOWN_SMALL = ["/api/v1/rows", "/api/v1/subscribers?limit=50", "/api/v1/analytics/summary"]
LONG = "/api/v1/rows?n=20000"  # more than a megabyte: a stream


@pytest.fixture
def project(tarn, run_report, tmp_path):
    project = tmp_path / "telecom"
    tarn("init", project)
    (project / "events").mkdir(exist_ok=True)
    (project / "events" / "0.ndjson").write_bytes(b"".join(EVENTS[:100]))
    (project / "api" / "rows.sql").write_text(ROWS)
    configure(project, "publish", keep=2, min_interval="0s")
    configure(project, cache="4MiB", poll_interval="1h")
    run_report(project)
    return project


class Client(threading.Thread):
    """Asks until told to stop. faults: what was wrong; seen: (generation, path) -> digests of the answers."""

    def __init__(self, number, port, stop):
        super().__init__(daemon=True)
        self.number, self.port, self.stop = number, port, stop
        self.faults, self.seen, self.answers = [], collections.defaultdict(set), 0
        self.newest, self.tags = 0, {}

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        turn = self.number
        while not self.stop.is_set() and not self.faults:
            turn += 1
            try:
                self.ask(connection, turn)
            except Exception as fault:  # noqa: BLE001 - whatever it is, the client's request failed
                self.faults.append(repr(fault))
        connection.close()

    def ask(self, connection, turn):
        if self.number < 4:
            path = LONG
        else:
            path = KNOWN_SMALL[turn % 3] if turn % 4 else f"/api/v1/rows?n={1 + turn % 1000}"
        tag = self.tags.get(path) if turn % 2 else None
        connection.request("GET", path, headers={"If-None-Match": tag} if tag else {})
        answer = connection.getresponse()
        body = answer.read()
        self.answers += 1
        self.check(path, tag, answer, body)

    def check(self, path, tag, answer, body):
        generation = int(answer.headers["X-Tarn-Generation"])
        if generation < self.newest:
            self.faults.append(f"{path}: generation {generation} after {self.newest}")
        self.newest = generation
        if answer.status == 304 and answer.headers["ETag"] == tag:
            return
        if answer.status != 200:
            self.faults.append(f"{path}: {answer.status} {body[:300]}")
            return
        self.tags[path] = answer.headers["ETag"]
        self.seen[generation, path].add(hashlib.md5(body).hexdigest())
        if path.startswith("/api/v1/rows"):
            rows = json.loads(body)
            if {row["generation"] for row in rows} != {generation} or [row["row"] for row in rows] != list(range(len(rows))):
                self.faults.append(f"{path}: mixed: {body[:300]}")


def resident_bytes(server):
    with open(f"/proc/{server.pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


class Publisher:
    """Publishes by turns new events, a rollback, and a run that goes on after it."""

    def __init__(self, tarn, project):
        self.tarn, self.project, self.count = tarn, project, 0

    def publish(self):
        self.count += 1
        if self.count % 3 == 2:
            self.tarn("rollback", "-C", self.project)
            return
        start = 100 + self.count * 20 % (len(EVENTS) - 100)
        (self.project / "events" / f"{self.count}.ndjson").write_bytes(b"".join(EVENTS[start:start + 20]))
        self.tarn("run", "-C", self.project, *(["--resume"] if self.count % 3 == 0 else []))


def publish_for(seconds, publisher, server, clients):
    """-> what was resident after each publish."""
    resident, end = [], time.monotonic() + seconds
    while time.monotonic() < end and not any(client.faults for client in clients):
        began = time.monotonic()
        publisher.publish()
        resident.append(resident_bytes(server))
        time.sleep(max(0, PERIOD - (time.monotonic() - began)))  # the period is the load that is asked for
    return resident


def test_no_answer_fails_or_mixes_generations_while_they_change(project, serve, tarn):
    server = serve(project)
    stop = threading.Event()
    clients = [Client(number, int(server.url.rsplit(":", 1)[1]), stop) for number in range(CLIENTS)]
    publisher = Publisher(tarn, project)
    for client in clients:
        client.start()
    try:
        resident = publish_for(SECONDS, publisher, server, clients)
    finally:
        stop.set()
    for client in clients:
        client.join(TIMEOUT)

    assert [fault for client in clients for fault in client.faults] == []
    assert not any(client.is_alive() for client in clients) and all(client.answers > 0 for client in clients)
    seen = collections.defaultdict(set)
    for client in clients:
        for key, digests in client.seen.items():
            seen[key] |= digests
    assert [key for key, digests in seen.items() if len(digests) > 1] == []  # one generation, one answer
    server.wait_generation(1 + publisher.count)
    assert len({generation for generation, _ in seen}) > 2

    wait_for_one_open_file(server)
    assert open_database_files(server) == [str(project / "telecom.duckdb")]
    # Flat: what the last generations took is not above what the first took by more than the noise of an allocator.
    half = len(resident) // 2
    print(f"\n{sum(client.answers for client in clients)} answers, {publisher.count} generations, resident MB after each: "
          f"{[size // 1_000_000 for size in resident]}")
    if not SLOWED_DOWN and half > 1:
        assert max(resident[half:]) < max(resident[:half]) + 32_000_000
