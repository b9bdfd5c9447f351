"""`tarn serve` while the published file changes under it, and what it keeps: generations, refusals, cache, entity tags, ?generation=N."""
import concurrent.futures
import email.utils
import json
import os
import re
import shutil

import pytest
import requests

from conftest import ROOT

EVENTS = (ROOT / "tests" / "acceptance" / "events.ndjson").read_bytes().splitlines(keepends=True)
NEVER = "1h"
MARK = """/*
route: /api/v1/mark
shape: one
*/
SELECT (SELECT max(generation) FROM tarn.generations) AS generation, count(*) AS events FROM bronze_raw_events
"""


def configure(project, section="serve", **keys):
    path = project / "tarn.yaml"
    text = path.read_text()
    for key in keys:
        text = re.sub(rf"(?m)(^{section}:\n(?:  .*\n)*?)  {key}:.*\n", r"\1", text)
    path.write_text(text.replace(f"{section}:\n", f"{section}:\n" + "".join(f"  {key}: {value}\n" for key, value in keys.items())))


def publish(project, run_report, part):
    """Adds a hundred events and runs -> the generation's number."""
    (project / "events" / f"{part}.ndjson").write_bytes(b"".join(EVENTS[part * 100:part * 100 + 100]))
    return run_report(project)["generation"]


@pytest.fixture(scope="module")
def template(tarn, run_report, tmp_path_factory):
    project = tmp_path_factory.mktemp("swap") / "telecom"
    tarn("init", project)
    (project / "events").mkdir(exist_ok=True)
    (project / "api" / "mark.sql").write_text(MARK)
    configure(project, "publish", keep=2, min_interval="0s")
    configure(project, poll_interval=NEVER)
    publish(project, run_report, 0)
    return project


@pytest.fixture
def project(template, tmp_path):
    """One published generation. New ones are noticed by inotify alone."""
    return shutil.copytree(template, tmp_path / "telecom")


def put(project, content):
    """Puts a file in the place of the published one, as a run does."""
    new = project / "new"
    new.write_bytes(content)
    new.rename(project / "telecom.duckdb")


def problem(response, status):
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    return response.json()


def metric(server, name):
    return float(re.search(rf"(?m)^{name} (.*)$", server.get("/metrics").text)[1])


def log_lines(server, text):
    return [line for line in server.log.read_text().splitlines() if text in line]


# ---- the published file ----

@pytest.mark.parametrize("keys", [{"poll_interval": NEVER}, {"watch": "poll", "poll_interval": "20ms"}], ids=["inotify", "poll"])
def test_new_generations_are_taken_up_and_old_ones_closed(project, serve, tarn, run_report, keys):
    configure(project, **keys)
    server = serve(project)
    for part in range(1, 4):
        number = publish(project, run_report, part)
        server.wait_generation(number)
        mark = server.get("/api/v1/mark")
        assert mark.json() == {"generation": number, "events": (part + 1) * 100 - quarantined(project, tarn)}
        assert mark.headers["X-Tarn-Generation"] == str(number)
        wait_for_one_open_file(server)
    tarn("rollback", "-C", project)
    server.wait_generation(number + 1)
    assert server.get("/api/v1/health").json()["status"] == "ok"
    assert metric(server, "tarn_generation_swaps_total") == 5 and metric(server, "tarn_generation_fault") == 0


def quarantined(project, tarn):
    return json.loads(tarn("query", "-C", project, "--format", "json",
                           "SELECT count(*) AS n FROM tarn.quarantine WHERE layer = 'bronze'").stdout)[0]["n"]


def open_database_files(server):
    """What the process has open or mapped of database files: paths, with (deleted) behind those that are gone."""
    found = []
    for fd in os.listdir(f"/proc/{server.pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{server.pid}/fd/{fd}"))
        except FileNotFoundError:
            pass  # closed meanwhile
    with open(f"/proc/{server.pid}/maps") as maps:
        found += [line.split(maxsplit=5)[5].strip() for line in maps if "/" in line]
    return [path for path in found if ".duckdb" in path and ".so" not in path]


def wait_for_one_open_file(server):
    server.wait_for("left with one open file", lambda: len(open_database_files(server)) == 1)


@pytest.mark.parametrize("watch", ["inotify", "poll"])
def test_without_a_file_the_server_waits_and_comes_up_by_itself(project, serve, run_report, watch):
    configure(project, watch=watch, poll_interval="20ms" if watch == "poll" else NEVER)
    kept = (project / "telecom.duckdb").read_bytes()
    (project / "telecom.duckdb").unlink()
    server = serve(project, ready=False)
    health = problem(server.get("/api/v1/health"), 503)
    assert health["state"] == "waiting" and "tarn run" in health["hint"]
    for path in ("/api/v1/subscribers", "/api/v1/mark?generation=1"):
        refused = server.get(path)
        assert problem(refused, 503)["state"] == "waiting" and refused.headers["Retry-After"]
    assert len(log_lines(server, "waiting for the first generation")) == 1
    put(project, kept)
    server.wait_ready()
    assert server.get("/api/v1/mark").json()["generation"] == 1


def test_the_folder_may_come_later(project, serve, run_report, tmp_path):
    configure(project, poll_interval="20ms")
    later = tmp_path / "later" / "lake" / "x.duckdb"
    server = serve(project, env={"DB_PATH": str(later)}, ready=False)
    assert server.get("/api/v1/health").status_code == 503
    run_report(project, env={"DB_PATH": str(later)})
    server.wait_ready()


# ---- files that are refused ----

def cut_off(project):
    put(project, (project / "telecom.duckdb").read_bytes()[:100_000])


def corrupt(project):
    put(project, b"this is no database" * 1000)


def newer(project):
    """The storage version stands behind the magic bytes, after the checksum of the first block."""
    content = bytearray((project / "telecom.duckdb").read_bytes())
    assert content[8:12] == b"DUCK"
    content[12] = 200
    put(project, bytes(content))


def with_a_log(project):
    (project / "telecom.duckdb.wal").write_bytes(b"x")
    put(project, (project / "telecom.duckdb").read_bytes())


@pytest.mark.parametrize("spoil", [cut_off, corrupt, newer, with_a_log])
def test_a_file_that_cannot_be_served_is_refused(project, serve, run_report, spoil):
    configure(project, watch="poll", poll_interval="5ms")
    good = (project / "telecom.duckdb").read_bytes()
    server = serve(project)
    before = server.get("/api/v1/mark")
    spoil(project)
    server.wait_for("stale", lambda: server.get("/api/v1/health").json()["status"] == "stale")
    health = server.get("/api/v1/health").json()
    assert health["generation"] == 1 and health["refused"]["reason"] and health["refused"]["hint"] and health["refused"]["since"]
    assert str(project) not in json.dumps(health)
    assert server.get("/api/v1/mark").content == before.content
    assert server.get("/readyz").ok
    assert metric(server, "tarn_generation_fault") == 1 and metric(server, "tarn_generation_refused_total") == 1
    (project / "telecom.duckdb.wal").unlink(missing_ok=True)
    put(project, good)
    server.wait_for("well again", lambda: server.get("/api/v1/health").json()["status"] == "ok")
    assert metric(server, "tarn_generation_fault") == 0
    assert len(log_lines(server, "the published file is refused")) <= 2  # once per file, however often it was looked at


def test_a_generation_that_the_endpoints_do_not_fit_is_refused(project, serve, run_report):
    server = serve(project)
    for path in project.glob("*/*.sql"):
        path.write_text(path.read_text().replace("churn_label", "churning"))
    publish(project, run_report, 1)
    server.wait_for("stale", lambda: server.get("/api/v1/health").json()["status"] == "stale")
    assert "does not fit" in server.get("/api/v1/health").json()["refused"]["reason"]
    assert server.get("/api/v1/subscribers?limit=1").json()[0]["churn_label"] in (0, 1)
    assert len(log_lines(server, "does not fit")) == 1
    assert serve(project).get("/api/v1/subscribers?limit=1").json()[0]["churning"] in (0, 1)  # a server of the new project


def test_the_published_file_is_taken_away(project, serve):
    server = serve(project)
    content = (project / "telecom.duckdb").read_bytes()
    (project / "telecom.duckdb").unlink()
    server.wait_for("stale", lambda: server.get("/api/v1/health").json()["status"] == "stale")
    assert server.get("/api/v1/mark").json()["generation"] == 1
    put(project, content)
    server.wait_for("well again", lambda: server.get("/api/v1/health").json()["status"] == "ok")


# ---- what clients keep ----

def test_entity_tags_and_dates(project, serve, run_report):
    server = serve(project)
    first = server.get("/api/v1/subscribers?limit=5")
    assert re.fullmatch(r'"[0-9a-f]{32}"', first.headers["ETag"]) and first.headers["Vary"] and first.headers["Cache-Control"] == "public, no-cache"
    published_at = server.get("/api/v1/health").json()["published_at"]
    assert email.utils.parsedate_to_datetime(first.headers["Last-Modified"]).isoformat()[:19] == published_at[:19]
    for headers in ({"If-None-Match": first.headers["ETag"]}, {"If-None-Match": f'"x", W/{first.headers["ETag"]}'},
                    {"If-Modified-Since": first.headers["Last-Modified"]}):
        again = server.get("/api/v1/subscribers?limit=5", headers=headers)
        assert again.status_code == 304 and again.content == b""
        for name in ("ETag", "Cache-Control", "Vary", "X-Tarn-Generation"):
            assert again.headers[name] == first.headers[name]
    # If-None-Match decides alone where both are given.
    assert server.get("/api/v1/subscribers?limit=5", headers={"If-None-Match": '"x"', "If-Modified-Since": first.headers["Last-Modified"]}).status_code == 200
    assert server.get("/api/v1/subscribers?limit=5").headers["ETag"] == first.headers["ETag"]
    assert server.get("/api/v1/subscribers?limit=6").headers["ETag"] != first.headers["ETag"]
    assert server.get("/api/v1/subscribers").headers["ETag"] == server.get("/api/v1/subscribers?limit=20").headers["ETag"]  # one canonical form
    assert server.request("HEAD", "/api/v1/subscribers?limit=5").headers["ETag"] == first.headers["ETag"]
    server.wait_generation(publish(project, run_report, 1))
    changed = server.get("/api/v1/subscribers?limit=5", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200 and changed.headers["ETag"] != first.headers["ETag"]


def test_what_is_no_answer_is_not_kept(server_of_project):
    for path, status in (("/api/v1/subscribers/nobody", 404), ("/api/v1/subscribers?limit=0", 422)):
        refused = server_of_project.get(path)
        assert refused.status_code == status and "ETag" not in refused.headers
    assert server_of_project.get("/api/v1/subscribers/nobody").json()["request_id"] != server_of_project.get("/api/v1/subscribers/nobody").json()["request_id"]


@pytest.fixture
def server_of_project(project, serve):
    return serve(project)


def test_another_server_of_the_same_project_gives_the_same_tags(project, serve):
    tags = [serve(project).get("/api/v1/mark").headers["ETag"] for _ in range(2)]
    assert tags[0] == tags[1]
    (project / "api" / "mark.sql").write_text(MARK.replace("count(*)", "2 * count(*)"))
    assert serve(project).get("/api/v1/mark").headers["ETag"] != tags[0]


def test_an_endpoint_says_how_long_clients_may_keep_it(project, serve):
    (project / "api" / "mark.sql").write_text(MARK.replace("shape: one", "shape: one\ncache: 90s"))
    assert serve(project).get("/api/v1/mark").headers["Cache-Control"] == "public, max-age=90"


# ---- the cache ----

def test_the_second_equal_request_is_answered_from_the_cache(server_of_project):
    first, second = (server_of_project.get("/api/v1/mark") for _ in range(2))
    server_of_project.get("/api/v1/mark", headers={"If-None-Match": first.headers["ETag"]})
    assert first.content == second.content
    assert {name: first.headers[name] for name in ("Content-Type", "ETag", "Last-Modified")} == {
        name: second.headers[name] for name in ("Content-Type", "ETag", "Last-Modified")}
    assert metric(server_of_project, "tarn_cache_hits_total") == 1 and metric(server_of_project, "tarn_cache_misses_total") == 1
    assert metric(server_of_project, "tarn_cache_entries") == 1


def test_the_cache_is_bounded_in_bytes(project, serve):
    configure(project, cache="64KiB")
    server = serve(project)
    with requests.Session() as session:
        for limit in range(1, 101):
            session.get(f"{server.url}/api/v1/subscribers?limit={limit}&risk=low")
    assert metric(server, "tarn_cache_bytes") <= metric(server, "tarn_cache_limit_bytes") == 64 * 1024
    assert metric(server, "tarn_cache_evicted_total") > 0


def test_the_cache_can_be_off(project, serve):
    configure(project, cache=0)
    server = serve(project)
    assert server.get("/api/v1/mark").content == server.get("/api/v1/mark").content
    assert metric(server, "tarn_cache_hits_total") == 0 and metric(server, "tarn_cache_entries") == 0
    assert server.get("/api/v1/mark", headers={"If-None-Match": server.get("/api/v1/mark").headers["ETag"]}).status_code == 304


def test_what_was_kept_of_a_closed_generation_is_dropped(project, serve, run_report):
    server = serve(project)
    server.get("/api/v1/mark"), server.get("/api/v1/subscribers?limit=1")
    assert metric(server, "tarn_cache_entries") == 2
    server.wait_generation(publish(project, run_report, 1))
    server.wait_for("rid of the old answers", lambda: metric(server, "tarn_cache_entries") == 0)


def test_a_stampede_runs_the_query_once(project, serve):
    (project / "api" / "slow.sql").write_text("""/*
route: /api/v1/slow
shape: one
*/
SELECT count(*) AS n FROM range(30000000) t(i) WHERE i % 7 = 3
""")
    server = serve(project)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: server.get("/api/v1/slow"), range(16)))
    assert {answer.content for answer in answers} == {answers[0].content} and all(answer.ok for answer in answers)
    assert metric(server, "tarn_cache_misses_total") == 1


def test_a_stampede_on_what_fails_fails_for_each(project, serve):
    (project / "api" / "broken.sql").write_text("""/*
route: /api/v1/broken
*/
SELECT CASE WHEN count(*) > 0 THEN error('broken') END AS n FROM range(3000000) t(i) WHERE i % 7 = 3
""")
    server = serve(project)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: server.get("/api/v1/broken"), range(16)))
    assert [answer.status_code for answer in answers] == [500] * 16
    assert len({answer.json()["request_id"] for answer in answers}) == 16


# ---- ?generation=N ----

def test_a_kept_generation_answers_when_it_is_named(project, serve, run_report):
    server = serve(project)
    first = server.get("/api/v1/mark")
    for part in (1, 2):
        server.wait_generation(publish(project, run_report, part))
    pinned = server.get("/api/v1/mark?generation=1")
    assert pinned.content == first.content and pinned.headers["X-Tarn-Generation"] == "1" and pinned.headers["ETag"] == first.headers["ETag"]
    assert server.get("/api/v1/mark?generation=3").content == server.get("/api/v1/mark").content
    assert server.get("/api/v1/mark?generation=1", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    # It is held open: what reads page after page is not cut off when the file goes.
    (project / "telecom.duckdb.d" / "generation-1.duckdb").unlink()
    assert server.get("/api/v1/subscribers?generation=1&limit=3").headers["X-Tarn-Generation"] == "1"


def test_a_reader_of_the_current_generation_keeps_it_when_it_is_replaced(project, serve, run_report):
    configure(project, "publish", keep=0)
    server = serve(project)
    first = server.get("/api/v1/subscribers?generation=1&limit=3")
    server.wait_generation(publish(project, run_report, 1))
    server.wait_generation(publish(project, run_report, 2))
    assert server.get("/api/v1/subscribers?generation=1&limit=3").content == first.content
    assert server.get("/api/v1/subscribers?generation=1&limit=4").headers["X-Tarn-Generation"] == "1"


@pytest.mark.parametrize("number, status, said", [
    (9, 404, "never published"), (1, 410, "not kept any more"), ("x", 422, "number"), ("", 422, "number"), (0, 422, "number"),
    (-1, 422, "number"), ("3&generation=3", 422, "number"), (10 ** 30, 422, "number")])
def test_a_generation_that_cannot_be_had(three_generations, number, status, said):
    document = problem(three_generations.get(f"/api/v1/mark?generation={number}"), status)
    assert said in document["detail"] and document["hint"]
    if status in (404, 410):
        assert document["generations"] == [3, 2]


@pytest.fixture(scope="module")
def three_generations_project(template, run_report, tmp_path_factory):
    project = shutil.copytree(template, tmp_path_factory.mktemp("three") / "telecom")
    configure(project, "publish", keep=1)
    for part in (1, 2):
        publish(project, run_report, part)
    return project


@pytest.fixture
def three_generations(three_generations_project, serve):
    return serve(three_generations_project)


def test_only_so_many_kept_generations_are_open_at_once(three_generations_project, serve, tmp_path):
    project = shutil.copytree(three_generations_project, tmp_path / "few")
    configure(project, pinned=0)
    refused = serve(project).get("/api/v1/mark?generation=2")
    assert problem(refused, 503)["generations"] == [3, 2] and refused.headers["Retry-After"]


def test_a_kept_generation_that_cannot_be_read_is_410(three_generations_project, serve, tmp_path):
    project = shutil.copytree(three_generations_project, tmp_path / "spoilt")
    (project / "telecom.duckdb.d" / "generation-2.duckdb").unlink()
    (project / "telecom.duckdb.d" / "generation-2.duckdb").write_bytes(b"no database" * 1000)
    assert "cannot be answered" in problem(serve(project).get("/api/v1/mark?generation=2"), 410)["detail"]


def test_many_readers_of_a_kept_generation_at_once(three_generations):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: three_generations.get(f"/api/v1/subscribers?generation=2&limit={1 + i % 4}"), range(64)))
    assert {(answer.status_code, answer.headers["X-Tarn-Generation"]) for answer in answers} == {(200, "2")}


def test_generation_stands_in_the_access_log(project, serve):
    server = serve(project, "--log", "json")
    server.get("/api/v1/mark"), server.get("/api/v1/mark")
    server.stop()
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    seen = [(line["generation"], line["cache"]) for line in lines if line.get("path") == "/api/v1/mark"]
    assert sorted(seen) == [(1, "hit"), (1, "miss")]


def test_no_thread_is_left_behind(project, serve, run_report):
    """Swaps start and end no threads that stay."""
    server = serve(project)
    before = threads(server)
    for part in (1, 2, 3):
        server.wait_generation(publish(project, run_report, part))
    server.wait_for("left with its threads", lambda: threads(server) <= before)


def threads(server):
    return len(os.listdir(f"/proc/{server.pid}/task"))
