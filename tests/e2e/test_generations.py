"""Generations from outside: what is kept, status, rollback and resume, diff, and what a damaged or locked lakehouse says."""
import fcntl
import json
import shutil
import struct

import pytest

from conftest import ROOT

EVENTS = (ROOT / "tests" / "acceptance" / "events.ndjson").read_bytes().splitlines(keepends=True)
HALF = len(EVENTS) // 2
CONTENT = """SELECT 'gold' AS layer, count(*) AS n, sum(hash(t::VARCHAR))::VARCHAR AS content FROM gold_subscriber_features t
UNION ALL SELECT 'silver', count(*), sum(hash(t::VARCHAR))::VARCHAR FROM (SELECT * EXCLUDE (ingested_at, seq) FROM silver_clean_events) t
UNION ALL SELECT 'bronze', count(*), sum(hash(t::VARCHAR))::VARCHAR FROM (SELECT * EXCLUDE (ingested_at, seq, source_name) FROM bronze_raw_events) t"""


def add_events(project, name, lines):
    (project / "events" / name).write_bytes(b"".join(lines))


@pytest.fixture(scope="module")
def template(tarn, run_report, tmp_path_factory):
    """A project whose second run read the second half of the acceptance data."""
    project = tmp_path_factory.mktemp("generations") / "telecom"
    tarn("init", project)
    (project / "events").mkdir(exist_ok=True)
    add_events(project, "a.ndjson", EVENTS[:HALF])
    run_report(project)
    add_events(project, "b.ndjson", EVENTS[HALF:])
    run_report(project)
    return project


@pytest.fixture
def two_generations(template, tmp_path):
    """A copy of it."""
    return shutil.copytree(template, tmp_path / "telecom")


def asked(tarn, project, *arguments):
    return json.loads(tarn(*arguments, "-C", project, "--json").stdout)


def test_generations_lists_the_published_and_the_kept(tarn, rows, two_generations):
    newest, older = asked(tarn, two_generations, "generations")
    assert (newest["generation"], newest["current"]) == (2, True) and (older["generation"], older["current"]) == (1, False)
    assert newest["path"].endswith("telecom.duckdb") and older["path"].endswith("generation-1.duckdb")
    assert newest["gold"] == rows(two_generations, "SELECT count(*) AS n FROM gold_subscriber_features")[0]["n"]
    assert newest["bronze"] > older["bronze"] and newest["size_bytes"] > 0
    text = tarn("generations", "-C", two_generations).stdout
    assert [line.split()[0] for line in text.splitlines()[2:]] == ["*", "1"]


def test_only_as_many_generations_are_kept_as_the_project_says(tarn, two_generations, run_report):
    add_events(two_generations, "c.ndjson", [EVENTS[0].replace(b'"event_id"', b'"event_id" ')])
    run_report(two_generations)
    paths = [generation["path"] for generation in asked(tarn, two_generations, "generations")]
    assert paths[0] and paths[1] and paths[2] is None


def test_rollback_publishes_the_old_content_and_holds_runs(tarn, rows, two_generations, run_report):
    after_two = rows(two_generations, CONTENT)
    diff = asked(tarn, two_generations, "diff")
    done = asked(tarn, two_generations, "rollback")
    assert done["generation"] == 3 and done["rolled_back_from"] == 1 and done["replaced"] == 2
    assert asked(tarn, two_generations, "diff", 2, 3)["tables"] == [
        {**table, "from_rows": table["to_rows"], "to_rows": table["from_rows"]} for table in diff["tables"]]

    held = tarn("run", "-C", two_generations, check=False)
    assert held.returncode == 75 and "rollback to 1" in held.stderr and "tarn run --resume" in held.stderr
    assert asked(tarn, two_generations, "status")["hold"].startswith("rollback to 1 at ")

    report = run_report(two_generations, "--resume")
    assert report["generation"] == 4 and report["run_counts"]["received"] > 0
    assert rows(two_generations, CONTENT) == after_two
    assert asked(tarn, two_generations, "status")["hold"] is None
    assert run_report(two_generations)["status"] == "unchanged"


def test_sequence_numbers_are_not_reused_after_a_rollback(tarn, rows, two_generations, run_report):
    highest = rows(two_generations, "SELECT max(seq) AS n FROM bronze_raw_events")[0]["n"]
    tarn("rollback", "-C", two_generations)
    kept = rows(two_generations, "SELECT max(seq) AS n FROM bronze_raw_events")[0]["n"]
    run_report(two_generations, "--resume")
    added = rows(two_generations, f"SELECT min(seq) AS n FROM bronze_raw_events WHERE seq > {kept}")[0]["n"]
    assert added > highest


def test_rollback_names_what_is_there(tarn, two_generations):
    refused = tarn("rollback", 9, "-C", two_generations, check=False)
    assert refused.returncode == 2 and "no generation 9" in refused.stderr and "generation 1 is kept" in refused.stderr
    assert tarn("rollback", "x", "-C", two_generations, check=False).returncode == 2
    assert tarn("rollback", 2, "-C", two_generations, check=False).returncode == 2


def test_diff_counts_and_lists_changed_keys(tarn, rows, two_generations):
    diff = asked(tarn, two_generations, "diff", 1, 2, "--limit", 3)
    (gold,) = diff["keys"]
    tables = {table["table"]: table for table in diff["tables"]}
    features = tables["gold_subscriber_features"]
    assert (diff["from"], diff["to"], gold["key"]) == (1, 2, ["subscriber_id"])
    assert gold["added"] - gold["removed"] == features["to_rows"] - features["from_rows"] and gold["changed"] > 0
    assert len(diff["rows"]) == 3 and diff["columns"] == []
    keys = {row["key"][0] for row in diff["rows"]}
    known = {row["subscriber_id"] for row in rows(two_generations, "SELECT subscriber_id FROM gold_subscriber_features")}
    assert keys <= known
    assert all(row["columns"] for row in diff["rows"] if row["change"] == "changed")


def test_diff_tells_a_changed_schema(tarn, two_generations, run_report):
    model = two_generations / "gold" / "gold_subscriber_features.sql"
    model.write_text(model.read_text().replace("total_events", "all_events"))
    for name in ("checks", "api"):
        shutil.rmtree(two_generations / name)
    run_report(two_generations)
    columns = asked(tarn, two_generations, "diff")["columns"]
    assert [(column["column"], column["from_type"], column["to_type"]) for column in columns] == [
        ("all_events", None, "BIGINT"), ("total_events", "BIGINT", None)]


def test_status_before_the_first_run(tarn, project):
    status = asked(tarn, project, "status")
    assert status["generation"] == 0 and status["published_at"] is None and status["failed_runs"] == []
    assert "nothing is published yet" in tarn("status", "-C", project).stdout


def test_status_tells_tables_runs_reasons_and_disk(tarn, two_generations):
    status = asked(tarn, two_generations, "status")
    assert status["generation"] == 2 and status["hold"] is None
    assert [table["layer"] for table in status["tables"]][:3] == ["bronze", "silver", "gold"]
    assert [run["generation"] for run in status["runs"]] == [2, 1]
    assert sum(run["received"] for run in status["runs"]) > 0
    assert len(status["positions"]) == 2 and all(position["next_offset"] > 0 for position in status["positions"])
    assert 0 < len(status["quarantine"]) <= 5
    assert [count["records"] for count in status["quarantine"]] == sorted((count["records"] for count in status["quarantine"]), reverse=True)
    assert status["disk"]["available_bytes"] > status["disk"]["next_run_needs_bytes"] > status["disk"]["published_bytes"] > 0
    for title in ("Tables", "Last runs", "Sources", "Disk"):
        assert title in tarn("status", "-C", two_generations).stdout


def test_status_tells_why_a_run_failed(tarn, two_generations):
    (two_generations / "checks" / "never.sql").write_text("SELECT * FROM gold_subscriber_features\n")
    add_events(two_generations, "c.ndjson", EVENTS[:1])
    assert tarn("run", "-C", two_generations, check=False).returncode == 4
    (failure,) = asked(tarn, two_generations, "status")["failed_runs"]
    assert "never" in failure["error"] and failure["started_at"]
    assert asked(tarn, two_generations, "status")["generation"] == 2


def test_a_second_writer_is_told_who_the_first_is(tarn, two_generations):
    with open(two_generations / "telecom.duckdb.d" / "lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("pid 12 on host x since 2026-01-01T00:00:00Z: tarn run\n")
        lock.flush()
        for command in (["run"], ["rollback"]):
            busy = tarn(*command, "-C", two_generations, check=False)
            assert busy.returncode == 75 and "pid 12 on host x" in busy.stderr
        kept = tarn("run", "--or-keep", "-C", two_generations, check=False)
        assert kept.returncode == 0 and "pid 12 on host x" in kept.stderr
    assert asked(tarn, two_generations, "status")["generation"] == 2


def header_checksum(header):
    """DuckDB's checksum of its 4 KiB file header, which stands in the first 8 bytes of it."""
    checksum = 5381
    for (word,) in struct.iter_unpack("<Q", header[8:]):
        checksum ^= word * 0xBF58476D1CE4E5B9 % 2**64
    return struct.pack("<Q", checksum)


def broken(data):
    return bytes(8192) + data[8192:]


def of_storage_version_99(data):
    header = data[:12] + struct.pack("<Q", 99) + data[20:4096]
    assert header_checksum(data[:4096]) == data[:8]
    return header_checksum(header) + header[8:] + data[4096:]


@pytest.mark.parametrize("change, words", [(broken, "corrupt"), (of_storage_version_99, "newer DuckDB")])
def test_an_unreadable_file_is_named_and_rolled_back(tarn, rows, two_generations, change, words):
    published = two_generations / "telecom.duckdb"
    data = published.read_bytes()
    published.unlink()  # it is read-only
    published.write_bytes(change(data))
    for command in ("run", "status", "generations"):
        refused = tarn(command, "-C", two_generations, check=False)
        assert refused.returncode == 5 and "telecom.duckdb" in refused.stderr and words in refused.stderr
    done = asked(tarn, two_generations, "rollback")
    assert done["rolled_back_from"] == 1 and done["replaced"] is None
    assert rows(two_generations, "SELECT count(*) > 0 AS there FROM gold_subscriber_features") == [{"there": True}]


def test_a_folder_that_cannot_be_written(tarn, two_generations):
    refused = tarn("run", "-C", two_generations, env={"DB_PATH": "/sys/tarn-test/telecom.duckdb"}, check=False)
    assert refused.returncode == 5 and "/sys/tarn-test" in refused.stderr and "hint:" in refused.stderr


def test_db_path_needs_no_project(tarn, tmp_path, two_generations):
    env = {"DB_PATH": str(two_generations / "telecom.duckdb")}
    empty = tmp_path / "empty"
    empty.mkdir()
    for command in ("status", "generations", "diff"):
        assert "2" in tarn(command, cwd=empty, env=env).stdout
