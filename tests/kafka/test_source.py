"""Topics as a source: what is read, what is kept of a record, where a run begins and ends."""
import base64
import json
import struct

import events


def values(rows, project, column="event_id", where="true"):
    return [row[column] for row in rows(project, f"SELECT {column} FROM bronze_raw_events WHERE {where} ORDER BY {column}")]


def numbered(first, count):
    return [events.event(f"e{number:05}") for number in range(first, first + count)]


def test_a_topic_is_read_once_and_read_on(kafka, kafka_project, run_report, rows):
    topic = kafka.create()
    kafka.send(topic, numbered(0, 1000))
    project = kafka_project(topic)
    report = run_report(project)
    assert (report["published"], report["run_counts"]["received"]) == (True, 1000)
    assert run_report(project)["published"] is False
    kafka.send(topic, numbered(1000, 500))
    assert run_report(project)["run_counts"]["received"] == 500
    assert values(rows, project) == [f"e{number:05}" for number in range(1500)]
    assert rows(project, "SELECT count(*) AS n, count(DISTINCT (source_name, source_partition, source_offset)) AS places FROM bronze_raw_events") == [{"n": 1500, "places": 1500}]


def test_what_is_kept_of_a_record(kafka, kafka_project, run_report, rows):
    topic = kafka.create(partitions=1)
    kafka.send(topic, [events.event("e1")], key="SUB-1", headers=[("trace", b"abc"), ("trace", b"\xff\x00"), ("none", None)])
    kafka.send(topic, [events.event("e2")])
    kafka.send(topic, [events.event("e3")], key=b"")
    project = kafka_project(topic)
    run_report(project)
    found = rows(project, """SELECT event_id, record_key, record_headers, record_timestamp > TIMESTAMP '2020-01-01' AS stamped, tombstone,
                             source_name, source_partition, source_offset FROM bronze_raw_events ORDER BY event_id""")
    place = {"source_name": topic, "source_partition": 0, "stamped": True, "tombstone": False}
    headers = [{"name": "trace", "value": "abc"}, {"name": "trace", "base64": base64.b64encode(b"\xff\x00").decode()}, {"name": "none", "value": None}]
    assert found == [{**place, "event_id": "e1", "record_key": base64.b64encode(b"SUB-1").decode(), "record_headers": headers, "source_offset": 0},
                     {**place, "event_id": "e2", "record_key": None, "record_headers": None, "source_offset": 1},
                     {**place, "event_id": "e3", "record_key": "", "record_headers": None, "source_offset": 2}]


def test_a_tombstone_is_a_deletion_marker_and_no_poison(kafka, kafka_project, run_report, rows):
    topic = kafka.create(partitions=1)
    kafka.send(topic, [events.event("e1"), None], key="SUB-1")
    project = kafka_project(topic)
    assert run_report(project)["counts"]["bronze_quarantined"] == 0
    assert rows(project, "SELECT event_id, raw_payload, tombstone, decode(record_key) AS key FROM bronze_raw_events ORDER BY source_offset") == [
        {"event_id": "e1", "raw_payload": events.event("e1")["payload"], "tombstone": False, "key": "SUB-1"},
        {"event_id": None, "raw_payload": None, "tombstone": True, "key": "SUB-1"}]


def test_framings(kafka, kafka_project, run_report, rows):
    """Confluent's JSON Schema framing is taken off; what hides the record otherwise goes to quarantine, which says why, whole."""
    topic = kafka.create(partitions=1)
    event = json.dumps(events.event("framed")).encode()
    avro = b"\x00" + struct.pack(">I", 7) + b"\x02\x06abc"
    glue = b"\x03\x00" + bytes(16) + event
    poison = [avro, glue, b"\x00\x00", b"", b"\xff\xfe{", b"[1]"]
    kafka.send(topic, [b"\x00" + struct.pack(">I", 7) + event, b"\x00" + struct.pack(">I", 123) + b" \n" + event, *poison], key="k")
    project = kafka_project(topic)
    run_report(project)
    assert values(rows, project) == ["framed", "framed"]
    refused = rows(project, "SELECT raw, reasons[1].rule AS rule, decode(record_key) AS key FROM tarn.quarantine WHERE layer = 'bronze' ORDER BY id")
    assert [base64.b64decode(row["raw"]) for row in refused] == poison
    assert [row["rule"] for row in refused] == ["unknown framing"] * 3 + ["not a JSON object"] * 3
    assert {row["key"] for row in refused} == {"k"}


def test_a_record_that_is_too_large_is_quarantined(kafka, kafka_project, run_report, rows):
    topic = kafka.create(partitions=1, max_message_bytes=20000000)
    large = json.dumps(events.event("large", note="x" * 900_000)).encode()
    kafka.send(topic, [events.event("before"), large, events.event("after")])
    project = kafka_project(topic)
    file = project / "tarn.yaml"
    file.write_text(file.read_text().replace('"timeout"', '"max_record_bytes": "500KiB", "timeout"'))
    run_report(project)
    assert values(rows, project) == ["after", "before"]
    assert rows(project, "SELECT raw_size, octet_length(raw) AS kept, reasons[1].rule AS rule FROM tarn.quarantine WHERE layer = 'bronze'") == [
        {"raw_size": len(large), "kept": 65536, "rule": "record too large"}]


def test_a_new_partition_is_read_from_its_beginning(kafka, kafka_project, run_report, rows):
    topic = kafka.create(partitions=2)
    kafka.send(topic, numbered(0, 100))
    project = kafka_project(topic)
    run_report(project)
    kafka.add_partitions(topic, 5)
    for partition in range(2, 5):
        kafka.send(topic, numbered(100 * partition, 10), partition=partition)
    assert run_report(project)["run_counts"]["received"] == 30
    assert rows(project, "SELECT count(DISTINCT source_partition) AS n, count(*) AS records FROM bronze_raw_events WHERE source_partition > 1") == [{"n": 3, "records": 30}]


def test_several_topics(kafka, kafka_project, run_report, rows):
    topics = [kafka.create(partitions=2), kafka.create(partitions=3)]
    for number, topic in enumerate(topics):
        kafka.send(topic, numbered(100 * number, 50))
    project = kafka_project(topics)
    assert run_report(project)["run_counts"]["received"] == 100
    assert rows(project, "SELECT source_name, count(*) AS n FROM bronze_raw_events GROUP BY ALL ORDER BY 1") == [{"source_name": topic, "n": 50} for topic in topics]


def test_an_empty_topic_is_no_error(kafka, kafka_project, run_report):
    topic = kafka.create()
    project = kafka_project(topic)
    assert run_report(project)["counts"]["received"] == 0
    kafka.send(topic, numbered(0, 3))
    assert run_report(project)["counts"]["received"] == 3


def test_the_environment_names_brokers_and_topic(kafka, broker, kafka_project, run_report):
    topic = kafka.create()
    kafka.send(topic, numbered(0, 3))
    project = kafka_project("another", address="127.0.0.1:1")
    assert run_report(project, env={"KAFKA_BROKERS": broker.address, "KAFKA_TOPIC": topic})["counts"]["received"] == 3


def test_bounded_by_number(kafka, kafka_project, run_report, rows):
    topic = kafka.create()
    kafka.send(topic, numbered(0, 5000))
    project = kafka_project(topic)
    received = [run_report(project, "--max-records", 2000)["run_counts"]["received"] for _ in range(3)]
    assert received == [2000, 2000, 1000]
    assert values(rows, project) == [f"e{number:05}" for number in range(5000)]


def test_bounded_by_time(kafka, kafka_project, run_report, rows):
    """However little a run may read, the next one goes on behind it."""
    topic = kafka.create()
    kafka.send(topic, numbered(0, 20000))
    project = kafka_project(topic)
    run_report(project, "--max-seconds", "0.001")
    run_report(project)
    assert values(rows, project) == [f"e{number:05}" for number in range(20000)]


def test_the_groups_offsets_are_those_of_what_is_published(kafka, kafka_project, run_report, tarn):
    topic = kafka.create(partitions=2)
    for partition in range(2):
        kafka.send(topic, numbered(100 * partition, 10 + partition), partition=partition)
    project = kafka_project(topic, group=f"lag-{topic}")
    assert tarn("run", "-C", project, env={"TARN_FAULT": "publish.synced:error"}, check=False).returncode == 5
    assert kafka.committed(f"lag-{topic}", topic) == [-1001, -1001]
    run_report(project)
    assert kafka.committed(f"lag-{topic}", topic) == [10, 11]


def test_status_and_plan_speak_of_records(kafka, kafka_project, run_report, tarn):
    topic = kafka.create()
    kafka.send(topic, numbered(0, 120))
    project = kafka_project(topic)
    assert "up to 120 new records" in tarn("run", "-C", project, "--plan", "--json").stdout
    run_report(project)
    assert "120 offsets" in tarn("status", "-C", project).stdout
    assert json.loads(tarn("run", "-C", project, "--plan", "--json").stdout)["status"] == "unchanged"


def test_bounds_are_for_topics(project, tarn):
    for option in ("--max-records", "--max-seconds"):
        failed = tarn("run", "-C", project, option, "5", check=False)
        assert failed.returncode == 2 and "are for Kafka" in failed.stderr
    assert tarn("run", "-C", project, "--until", "tomorrow", check=False).returncode == 2


def test_a_source_without_brokers_or_topics(kafka_project, broker, tarn):
    project = kafka_project([])
    failed = tarn("validate", "-C", project, check=False)
    assert failed.returncode == 2 and "source: kafka needs topics" in failed.stderr
    assert tarn("validate", "-C", project, env={"KAFKA_TOPIC": "events"}, check=False).returncode == 0
    file = project / "tarn.yaml"
    file.write_text(file.read_text().replace(f'"{broker.address}"', ""))
    assert "source: kafka needs brokers" in tarn("validate", "-C", project, check=False).stderr
