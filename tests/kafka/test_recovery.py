"""Disaster recovery of a lakehouse whose source is a topic: from the topic, from the archive, from both; and what retention took."""
import json
import shutil

import pytest

import events

TABLES = """SELECT table_name, row_count, content_hash::VARCHAR AS content_hash FROM tarn.table_states
  WHERE generation = (SELECT max(generation) FROM tarn.generations) ORDER BY table_name"""
BRONZE = "SELECT * EXCLUDE (ingested_at, seq) REPLACE (hex(record_key) AS record_key) FROM bronze_raw_events ORDER BY source_partition, source_offset"


def numbered(first, count, **fields):
    return [events.event(f"e{number:05}", **fields) for number in range(first, first + count)]


def lose(project):
    (project / "telecom.duckdb").unlink()
    shutil.rmtree(project / "telecom.duckdb.d")


@pytest.fixture
def rebuild(tarn, tmp_path):
    """rebuild(project, "both") -> the answer of `tarn rebuild --json`."""

    def call(project, origin, *args, code=0):
        done = tarn("rebuild", "-C", project, "--from", origin, "--archive", tmp_path / "archive", "--json", *args, check=False)
        assert done.returncode == code, done.stderr
        return {**json.loads(done.stdout), "stderr": done.stderr}

    return call


@pytest.fixture
def archived(kafka, kafka_project, run_report, tarn, tmp_path):
    """A topic of four partitions with keys, headers, tombstones, refused records and duplicates within a partition; half of it is archived."""
    topic = kafka.create(partitions=4)
    project = kafka_project(topic, on_gap="stop")
    for half in range(2):
        for partition in range(4):
            first = 1000 * partition + 100 * half
            kafka.send(topic, numbered(first, 100) + numbered(first, 1, source_system="again"), partition=partition, key=b"\x00\xff", headers=[("h", b"1")])
            kafka.send(topic, [None, "no event"], partition=partition, key="gone")
        run_report(project)
        if half == 0:
            tarn("archive", "-C", project, tmp_path / "archive")
    return topic, project


@pytest.mark.parametrize("origin", ["kafka", "both"])
def test_the_same_content_again(archived, rebuild, rows, tarn, run_report, origin):
    _, project = archived
    tables, bronze = rows(project, TABLES), rows(project, BRONZE)
    lose(project)
    answer = rebuild(project, origin)
    assert {comparison["result"] for comparison in answer["comparisons"]} == {"equal"}
    assert (answer["losses"], answer["read"]) == ([], 824 if origin == "kafka" else 412)
    assert rows(project, TABLES) == tables and rows(project, BRONZE) == bronze
    tarn("verify", "-C", project)
    assert run_report(project)["published"] is False


def test_the_archive_outlives_the_topic(archived, kafka, rebuild, rows, tarn, tmp_path):
    """What was archived may be gone from the topic; what only the topic had is read from there."""
    topic, project = archived
    tables = rows(project, TABLES)
    for partition in range(4):
        kafka.delete_records(topic, partition, 103, tmp_path)
    lose(project)
    assert rebuild(project, "both")["losses"] == []
    assert rows(project, TABLES) == tables
    tarn("verify", "-C", project)


def test_retention_between_archive_and_topic_is_told_exactly(archived, kafka, rebuild, rows, tarn, tmp_path):
    topic, project = archived
    kafka.delete_records(topic, 2, 120, tmp_path)
    lose(project)
    refused = rebuild(project, "both", code=3)
    assert f"{topic} partition 2, offsets from 103 to 119" in refused["stderr"]
    assert not (project / "telecom.duckdb").exists()
    answer = rebuild(project, "both", "--accept-loss")
    assert [(loss["partition"], loss["first_offset"], loss["last_offset"], loss["records"]) for loss in answer["losses"]] == [(2, 103, 119, 17)]
    assert rows(project, "SELECT source_partition, first_offset, next_offset FROM tarn.gaps") == [
        {"source_partition": 2, "first_offset": 103, "next_offset": 120}]
    tarn("verify", "-C", project)


def test_retention_before_a_rebuild_from_the_topic_alone(archived, kafka, rebuild, rows, tarn, tmp_path):
    topic, project = archived
    kafka.delete_records(topic, 1, 40, tmp_path)
    lose(project)
    refused = rebuild(project, "kafka", code=3)
    assert [(loss["partition"], loss["first_offset"], loss["last_offset"], loss["records"]) for loss in refused["losses"]] == [(1, 0, 39, 40)]
    assert rebuild(project, "kafka", "--accept-loss")["losses"] == refused["losses"]
    assert rows(project, "SELECT min(source_offset) AS first FROM bronze_raw_events WHERE source_partition = 1") == [{"first": 40}]
    tarn("verify", "-C", project)


def test_the_published_file_tells_what_the_topic_must_give(archived, rebuild, rows):
    _, project = archived
    answer = rebuild(project, "kafka", "--replace")
    assert (answer["compared_with"], {comparison["result"] for comparison in answer["comparisons"]}) == ("published file", {"equal"})


def test_duplicates_across_partitions(kafka, kafka_project, run_report, tarn, rebuild, tmp_path):
    topic = kafka.create(partitions=2)
    project = kafka_project(topic)
    for partition, system in (1, "first"), (0, "second"):
        kafka.send(topic, numbered(0, 1, source_system=system), partition=partition)
        run_report(project)
    tarn("archive", "-C", project, tmp_path / "archive")
    lose(project)
    answer = rebuild(project, "kafka")
    results = {comparison["table"]: comparison["result"] for comparison in answer["comparisons"]}
    assert (results["bronze_raw_events"], results["silver_clean_events"]) in (("equal", "other_duplicates"), ("equal", "equal"))
    if results["silver_clean_events"] == "other_duplicates":
        assert f"{topic}:1:0 against {topic}:0:0" in answer["notes"][0]
