"""Exactness: the acceptance events give the very figures of expected.json and the rows of expected-gold.csv, however they arrive."""
import csv
import gzip
import json
import pathlib
import random
import shutil
import subprocess

import pytest

import events

ACCEPTANCE = pathlib.Path(__file__).parent.parent / "acceptance"
EVENTS = (ACCEPTANCE / "events.ndjson").read_bytes()
LINES = EVENTS.splitlines(keepends=True)
EXPECTED = json.loads((ACCEPTANCE / "expected.json").read_text())
GOLD_TEXTS = ("subscriber_id", "plan")


def expected_gold():
    with (ACCEPTANCE / "expected-gold.csv").open(newline="") as file:
        return [{name: None if text == "" else text if name in GOLD_TEXTS else float(text) for name, text in row.items()}
                for row in csv.DictReader(file)]


def published_gold(rows, project):
    columns = ", ".join(expected_gold()[0])
    found = rows(project, f"SELECT {columns} FROM gold_subscriber_features ORDER BY subscriber_id")
    return [{name: value if name in GOLD_TEXTS or value is None else float(value) for name, value in row.items()} for row in found]


def published_figures(rows, project):
    """The figures of expected.json, computed from the published tables."""
    reasons = rows(project, """
      SELECT reason, count(*) AS n FROM (SELECT unnest(quality_reasons) AS reason FROM bronze_raw_events) GROUP BY ALL""")
    return {
        "counts": events.counts(rows, project),
        "quality_reasons": {row["reason"]: row["n"] for row in reasons},
        **rows(project, """
          SELECT (SELECT count(*) FROM bronze_raw_events WHERE quality_score < 45) AS below_threshold,
            (SELECT count(*) FROM gold_subscriber_features WHERE churn_label = 1) AS at_risk""")[0],
    }


def assert_exact(rows, project, report=None):
    assert published_figures(rows, project) == EXPECTED
    assert published_gold(rows, project) == expected_gold()
    if report:
        assert report["counts"] == EXPECTED["counts"]
        assert report["quality_reasons"] == EXPECTED["quality_reasons"]


@pytest.fixture
def inbox(project):
    return project / "events"


def test_one_run(project, inbox, run_report, rows):
    (inbox / "events.ndjson").write_bytes(EVENTS)
    report = run_report(project)
    assert report["published"] is True
    assert report["run_counts"] == report["counts"]
    assert report["pending_bytes"] == 0
    assert_exact(rows, project, report)


@pytest.mark.parametrize("files, files_per_run", [(2, 1), (7, 1), (50, 5), (50, 50)])
def test_split_into_files(project, inbox, run_report, rows, files, files_per_run):
    size = -(-len(LINES) // files)
    for start in range(0, files, files_per_run):
        for number in range(start, start + files_per_run):
            (inbox / f"part-{number:02}.ndjson").write_bytes(b"".join(LINES[number * size:(number + 1) * size]))
        report = run_report(project)
    assert_exact(rows, project, report)


def cuts_anywhere(seed, n):
    """n byte positions: seeded ones, one in the middle of a UTF-8 character, one between two lines, one before a newline."""
    inside_character = EVENTS.index("í".encode()) + 1
    end_of_line = EVENTS.index(b"\n", len(EVENTS) // 2)
    return sorted({inside_character, end_of_line, end_of_line + 1, *random.Random(seed).sample(range(1, len(EVENTS)), n), len(EVENTS)})


def test_bytewise_appends(project, inbox, run_report, rows):
    start = 0
    with (inbox / "growing.ndjson").open("ab", buffering=0) as file:
        for end in cuts_anywhere(seed=1, n=9):
            file.write(EVENTS[start:end])
            start = end
            report = run_report(project)
            assert report["pending_bytes"] == end - (EVENTS.rfind(b"\n", 0, end) + 1)
    assert_exact(rows, project, report)


def test_full_refresh_changes_no_row(project, inbox, run_report, rows):
    half = len(LINES) // 2
    for name, lines in (("a", LINES[:half]), ("b", LINES[half:])):
        (inbox / f"{name}.ndjson").write_bytes(b"".join(lines))
        run_report(project)
    incremental = events.contents(rows, project)
    report = run_report(project, "--full-refresh")
    assert events.contents(rows, project) == incremental
    assert_exact(rows, project, report)


@pytest.mark.parametrize("again", ["the same", "renamed", "copied"])
def test_files_offered_again_change_nothing(project, inbox, run_report, rows, again):
    file = inbox / "events.ndjson"
    file.write_bytes(EVENTS)
    generation = run_report(project)["generation"]
    if again == "renamed":
        file.rename(inbox / "renamed.ndjson")
    if again == "copied":
        shutil.copy(file, inbox / "copy.ndjson")
    report = run_report(project)
    assert (report["published"], report["generation"]) == (False, generation)
    assert_exact(rows, project)


def test_a_renamed_file_is_read_on_from_where_it_was(project, inbox, run_report, rows):
    half = b"".join(LINES[:1000])
    (inbox / "events.ndjson").write_bytes(half)
    run_report(project)
    (inbox / "events.ndjson").unlink()
    (inbox / "renamed.ndjson").write_bytes(EVENTS)
    report = run_report(project)
    assert report["run_counts"]["received"] == len(LINES) - 1000
    assert_exact(rows, project, report)


def gzipped(data):
    return gzip.compress(data)


def gzipped_in_members(data):
    cut = len(data) // 3
    return gzip.compress(data[:cut]) + gzip.compress(data[cut:])


def zstandard(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


def zstandard_in_frames(data):
    cut = len(data) // 3
    return zstandard(data[:cut]) + zstandard(data[cut:])


@pytest.mark.parametrize("name, pack", [("e.ndjson.gz", gzipped), ("e.ndjson.gz", gzipped_in_members),
                                        ("e.ndjson.zst", zstandard), ("e.ndjson.zst", zstandard_in_frames)])
def test_compressed(project, inbox, run_report, rows, name, pack):
    (inbox / name).write_bytes(pack(EVENTS))
    report = run_report(project)
    assert_exact(rows, project, report)
    assert run_report(project)["published"] is False


@pytest.mark.parametrize("last_newline", [True, False])
def test_standard_input(project, run_report, rows, last_newline):
    report = run_report(project, "--from", "-", input=EVENTS if last_newline else EVENTS[:-1])
    assert_exact(rows, project, report)


def test_standard_input_again_gives_duplicates_only(project, run_report, rows):
    run_report(project, "--from", "-", input=EVENTS)
    before = events.contents(rows, project)
    counts = run_report(project, "--from", "-", input=EVENTS)["counts"]
    assert counts["received"] == 2 * EXPECTED["counts"]["received"]
    assert counts["silver_quarantined"] == 2 * EXPECTED["counts"]["silver_quarantined"]
    assert counts["duplicates"] == EXPECTED["counts"]["silver"] + 2 * EXPECTED["counts"]["duplicates"]
    after = events.contents(rows, project)
    assert (after["silver"], after["gold"]) == (before["silver"], before["gold"])


def test_from_takes_files_instead_of_the_projects_source(project, inbox, tmp_path, run_report, rows):
    (inbox / "ignored.ndjson").write_bytes(LINES[0])
    elsewhere = tmp_path / "elsewhere.ndjson"
    elsewhere.write_bytes(EVENTS)
    assert_exact(rows, project, run_report(project, "--from", elsewhere))


def test_a_run_without_anything_new_publishes_nothing(project, inbox, run_report):
    (inbox / "events.ndjson").write_bytes(EVENTS)
    first = run_report(project)
    published = project / "telecom.duckdb"
    before = published.stat()
    second = run_report(project)
    assert (second["published"], second["generation"]) == (False, first["generation"])
    assert second["run_counts"]["received"] == 0
    after = published.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_database_may_lie_elsewhere(project, inbox, tmp_path, run_report, rows):
    env = {"DB_PATH": str(tmp_path / "data.duckdb")}
    (inbox / "events.ndjson").write_bytes(EVENTS)
    run_report(project, env=env)
    assert not (project / "telecom.duckdb").exists()
    assert events.counts(rows, project, env=env) == EXPECTED["counts"]
