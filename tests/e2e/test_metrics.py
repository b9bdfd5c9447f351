"""What the server tells of itself: /metrics as the official parser reads it, /livez and /readyz."""
import collections
import re
import socket
import time

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from conftest import ROOT, TIMEOUT, free_port

LIST = "/api/v1/subscribers"
PLAIN = {"Accept-Encoding": "identity"}  # so that the bytes counted are those that a test sees


@pytest.fixture
def server(serve, published):
    """A server with metrics on a port of their own: server.metrics is its address."""
    port = free_port()
    server = serve(published, "--metrics-port", port)
    server.metrics = f"http://127.0.0.1:{port}"
    return server


def scrape(server):
    response = requests.get(server.metrics + "/metrics", timeout=TIMEOUT)
    assert response.ok and response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return response.text


def samples(text):
    """{(name, (label values by label name ...)): value}; checks what a parser lets pass, too."""
    found = {}
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.documentation and family.type in ("counter", "gauge", "histogram"), family
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


def value(found, name, **labels):
    return found[(name, tuple(sorted(labels.items())))]


def test_every_metric_of_the_page_is_as_the_page_says(server):
    """docs/metrics.md is made from the same table as /metrics."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \| ", page, re.M)
    described = {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    server.get(LIST)
    for family in text_string_to_metric_families(scrape(server)):
        name = family.name + ("_total" if family.type == "counter" else "")
        kind, labels = described[name]
        assert kind == family.type
        assert all(set(sample.labels) - {"le"} == set(labels) for sample in family.samples)


def test_the_alerts_of_the_page_for_operators_name_real_metrics():
    page = (ROOT / "docs" / "operating.md").read_text()
    known = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "metrics.md").read_text(), re.M)
    named = set(re.findall(r"\b(?:tarn|process)_\w+_\w+\b", page))
    assert named and named <= set(known)


def test_row_accounting_balances(server, rows, published):
    found = samples(scrape(server))
    total = {name: value(found, "tarn_rows", set=name) for name in ("received", "bronze", "bronze_quarantined", "silver", "silver_quarantined", "duplicates", "gold")}
    assert total["received"] == 3000 == total["bronze"] + total["bronze_quarantined"]
    assert total["bronze"] == total["silver"] + total["silver_quarantined"] + total["duplicates"]
    assert total["gold"] == rows(published, "SELECT count(*) AS n FROM gold_subscriber_features")[0]["n"]
    assert value(found, "tarn_last_run_rows", set="received") == 3000
    assert value(found, "tarn_generation") == 1 and value(found, "tarn_generation_age_seconds") >= 0
    assert value(found, "tarn_last_run_duration_seconds") > 0
    assert value(found, "tarn_generation_published_timestamp_seconds") >= value(found, "tarn_last_run_timestamp_seconds") - 60


def test_requests_are_counted_by_route_and_status(server):
    before = samples(scrape(server))
    asked = [f"{LIST}/SUB-0000{i}" for i in range(5)] + [LIST] * 3 + [f"{LIST}?limit=0"] * 2 + ["/nowhere", "/%ff", "/livez"]
    body_bytes = collections.Counter()
    for path in asked:
        body_bytes[path] += len(server.get(path, headers=PLAIN).content)
    after = samples(scrape(server))

    def counted(route, status):
        key = ("tarn_http_request_duration_seconds_count", (("route", route), ("status", status)))
        return after.get(key, 0) - before.get(key, 0)

    assert counted(LIST + "/{subscriber_id}", "200") == 5 and counted(LIST, "200") == 3 and counted(LIST, "422") == 2
    assert counted("none", "404") == 2 and counted("/livez", "200") == 1
    assert value(after, "tarn_http_response_bytes_total", route=LIST) == sum(n for path, n in body_bytes.items() if path in (LIST, f"{LIST}?limit=0"))
    assert "SUB-0000" not in str(after)  # a label per path would grow without bound


def test_histograms_are_cumulative_and_end_at_infinity(server):
    for _ in range(3):
        server.get(LIST)
    buckets = collections.defaultdict(list)
    found = samples(scrape(server))
    for (name, labels), count in found.items():
        if name.endswith("_bucket"):
            rest = tuple(label for label in labels if label[0] != "le")
            buckets[name, rest].append((float(dict(labels)["le"]), count))
    assert buckets
    for (name, labels), counts in buckets.items():
        assert counts == sorted(counts) and counts[-1][0] == float("inf")
        assert [n for _, n in counts] == sorted(n for _, n in counts)
        assert counts[-1][1] == found[(name.replace("_bucket", "_count"), labels)]


def test_the_process_and_its_budget(serve, published):
    port = free_port()
    server = serve(published, "--metrics-port", port, env={"TARN_MEMORY_LIMIT": "512MiB", "TARN_THREADS": "3"})
    server.metrics = f"http://127.0.0.1:{port}"
    found = samples(scrape(server))
    assert value(found, "tarn_memory_budget_bytes") == 512 * 1024 ** 2
    assert value(found, "tarn_cpu_budget") == 3
    assert 1e6 < value(found, "process_resident_memory_bytes") and 0 < value(found, "tarn_engine_memory_bytes") < value(found, "tarn_engine_memory_limit_bytes") <= 256 * 1024 ** 2
    assert 3 < value(found, "process_open_fds") < value(found, "process_max_fds")
    assert value(found, "process_cpu_seconds_total") > 0
    version, = [dict(labels) for name, labels in found if name == "tarn_build_info"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version["version"]) and version["duckdb_version"].startswith("v1.")


def test_the_queue(server):
    found = samples(scrape(server))
    assert value(found, "tarn_queue_running") == value(found, "tarn_queue_waiting") == value(found, "tarn_queue_refused_total") == 0
    assert value(found, "tarn_queue_limit") > 0 and value(found, "tarn_http_requests_in_flight") == 0
    assert value(found, "tarn_http_streams") == 0 < value(found, "tarn_http_streams_limit")


def test_the_cache(server):
    before = samples(scrape(server))
    first, again = server.get(LIST, headers=PLAIN), server.get(LIST, headers=PLAIN)
    after = samples(scrape(server))
    assert first.content == again.content
    change = {name: value(after, f"tarn_cache_{name}") - value(before, f"tarn_cache_{name}") for name in ("hits_total", "misses_total", "entries", "bytes")}
    assert (change["hits_total"], change["misses_total"], change["entries"]) == (1, 1, 1)
    assert len(first.content) <= change["bytes"] <= value(after, "tarn_cache_limit_bytes")
    assert value(after, "tarn_cache_evicted_total") == 0


def wait_for(server, true):
    """-> the samples that fit."""
    deadline = time.monotonic() + TIMEOUT
    while not true(found := samples(scrape(server))):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)  # how often is asked, not how long is waited
    return found


def test_generations_come_and_are_refused(tarn, serve, new_project):
    """From no file at all to a first generation, a second one, and a file that is none."""
    project, port = new_project(), free_port()
    server = serve(project, "--metrics-port", port, ready=False)
    server.metrics = f"http://127.0.0.1:{port}"
    assert requests.get(server.metrics + "/livez", timeout=TIMEOUT).ok
    ready = requests.get(server.metrics + "/readyz", timeout=TIMEOUT)
    assert ready.status_code == 503 and "tarn run" in ready.json()["hint"]
    found = samples(scrape(server))
    assert ("tarn_generation", ()) not in found and value(found, "tarn_generations_open") == 0

    events = (ROOT / "tests/acceptance/events.ndjson").read_text().splitlines(keepends=True)
    (project / "events" / "a.ndjson").write_text("".join(events[:1000]))
    tarn("run", "-C", project)
    found = wait_for(server, lambda found: found.get(("tarn_generation", ())) == 1)
    assert requests.get(server.metrics + "/readyz", timeout=TIMEOUT).ok
    (project / "events" / "b.ndjson").write_text("".join(events[1000:]))
    tarn("run", "-C", project)
    found = wait_for(server, lambda found: value(found, "tarn_generation") == 2 and value(found, "tarn_generations_open") == 1)
    assert value(found, "tarn_generation_swaps_total") == 2 and value(found, "tarn_generation_refused_total") == 0
    assert value(found, "tarn_rows", set="received") == 3000 and value(found, "tarn_last_run_rows", set="received") == 2000

    other = project / "other.duckdb"
    other.write_bytes(b"not a database" * 1000)
    other.replace(project / "telecom.duckdb")
    found = wait_for(server, lambda found: value(found, "tarn_generation_fault") == 1)
    assert value(found, "tarn_generation_refused_total") == 1 and value(found, "tarn_generation") == 2
    assert requests.get(server.metrics + "/readyz", timeout=TIMEOUT).ok


def test_a_failed_run_is_told(tarn, serve, new_project):
    project, port = new_project(), free_port()
    tarn("run", "-C", project, "--from", ROOT / "tests/acceptance/events.ndjson", "--final")
    server = serve(project, "--metrics-port", port)
    server.metrics = f"http://127.0.0.1:{port}"
    assert ("tarn_last_failed_run_timestamp_seconds", ()) not in samples(scrape(server))
    (project / "checks" / "never.sql").write_text("SELECT 1 AS broken")
    assert tarn("run", "-C", project, check=False).returncode == 4
    found = samples(scrape(server))
    assert value(found, "tarn_last_failed_run_timestamp_seconds") >= int(value(found, "tarn_last_run_timestamp_seconds"))


def test_the_port_of_metrics_has_nothing_else(server):
    for path in ("/livez", "/readyz", "/api/v1/health"):
        assert requests.get(server.metrics + path, timeout=TIMEOUT).ok
    for path in ("/", LIST, "/metrics/", "/docs"):
        refused = requests.get(server.metrics + path, timeout=TIMEOUT)
        assert refused.status_code == 404 and refused.headers["Content-Type"] == "application/problem+json"
    assert requests.post(server.metrics + "/metrics", timeout=TIMEOUT).status_code == 405
    assert requests.post(server.metrics + "/metrics", data="x", timeout=TIMEOUT).status_code in (405, 413)


def test_the_port_of_metrics_needs_no_key(tarn, serve, published, tmp_path):
    tarn("keys", "a", "--file", tmp_path / "keys")
    port = free_port()
    server = serve(published, "--metrics-port", port, env={"TARN_KEYS_FILE": str(tmp_path / "keys")})
    server.metrics = f"http://127.0.0.1:{port}"
    assert value(samples(scrape(server)), "tarn_api_keys") == 1
    assert server.get("/metrics").status_code == 401


def test_a_port_that_is_taken(tarn, published):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = tarn("serve", "-C", published, "--port", "0", "--metrics-port", port, check=False)
    assert done.returncode == 5 and f"cannot serve metrics on port {port}" in done.stderr and "--metrics-port" in done.stderr


def test_livez_and_readyz(server):
    for path, status in (("/livez", "alive"), ("/readyz", "ready")):
        response = server.get(path)
        assert response.ok and response.json() == {"status": status} and response.headers["Cache-Control"] == "no-store"
        assert server.request("HEAD", path).content == b""
