"""Dead letters: what was refused is published to a topic again as it was, with the reason; and what else is done with refused records of a topic."""
import json
import struct

import pytest

import events

FRAME = b"\x00" + struct.pack(">I", 7)


def good(name, **fields):
    return json.dumps(events.event(name, **fields)).encode()


def malformed(name, **fields):
    """An event that silver refuses, written unlike any rebuilt one."""
    return json.dumps(events.event(name, payload={"latency_ms": "fast"}, **fields), indent=1).encode()


@pytest.fixture
def refused(kafka, kafka_project, run_report):
    """A topic with poison, malformed events (one in Confluent's framing), a tombstone and good events; and the project that has read it."""
    topic = kafka.create(partitions=2)
    kafka.send(topic, [good("e1"), b"\xff poison"], partition=0, key=b"k\x00\xff", headers=[("trace", b"\x01\xff"), ("trace", "text"), ("none", None)])
    kafka.send(topic, [good("e2"), malformed("e3"), FRAME + malformed("e4")], partition=1, key="SUB-1")
    kafka.send(topic, [None], partition=1, key="SUB-2")
    project = kafka_project(topic)
    run_report(project)
    return topic, project


def headers_of(message):
    found = {}
    for name, value in message.headers():
        found.setdefault(name, []).append(value.decode() if value is not None and name.startswith("tarn.") else value)
    return found


def republish(tarn, kafka, broker, project, *more):
    target = kafka.create(partitions=1)
    tarn("quarantine", "export", "-C", project, "--to", f"kafka://{broker.address}/{target}", *more)
    return {(headers_of(m)["tarn.partition"][0], headers_of(m)["tarn.offset"][0]): m for m in kafka.read(target)}


def test_republished_as_it_was(refused, kafka, broker, tarn):
    topic, project = refused
    letters = republish(tarn, kafka, broker, project)
    assert set(letters) == {("0", "1"), ("1", "1"), ("1", "2"), ("1", "3")}
    poison, plain, framed, tombstone = (letters[place] for place in sorted(letters))
    assert (poison.key(), poison.value()) == (b"k\x00\xff", b"\xff poison")
    assert (plain.key(), plain.value()) == (b"SUB-1", malformed("e3"))
    assert (framed.key(), framed.value()) == (b"SUB-1", FRAME + malformed("e4"))
    assert (tombstone.key(), tombstone.value()) == (b"SUB-2", None)
    head = headers_of(poison)
    assert (head["trace"], head["none"]) == ([b"\x01\xff", b"text"], [None])
    assert (head["tarn.layer"], head["tarn.rule"], head["tarn.original"]) == (["bronze"], ["not a JSON object"], ["kept"])
    head = headers_of(plain)
    assert (head["tarn.layer"], head["tarn.table"], head["tarn.source"]) == (["silver"], ["silver_clean_events"], [topic])
    assert head["tarn.rule"][0].startswith("oss_latency_ms: malformed")
    assert json.loads(head["tarn.reasons"][0])[0]["value"] == "fast"
    assert head["tarn.original"] == ["source"]


def test_rebuilt_where_the_topic_has_it_no_more(refused, kafka, broker, tarn, tmp_path):
    topic, project = refused
    kafka.delete_records(topic, 1, 3, tmp_path)
    letter = republish(tarn, kafka, broker, project, "--layer", "silver")["1", "1"]
    assert headers_of(letter)["tarn.original"] == ["rebuilt"]
    assert (letter.key(), json.loads(letter.value())) == (b"SUB-1", json.loads(malformed("e3")))


def test_another_record_at_the_same_place_is_not_taken_for_it(refused, kafka, broker, tarn):
    topic, project = refused
    kafka.delete(topic)
    kafka.create(topic, partitions=2)
    kafka.send(topic, [good("other1"), good("other2"), good("other3")], partition=1)
    letter = republish(tarn, kafka, broker, project, "--layer", "silver")["1", "1"]
    assert headers_of(letter)["tarn.original"] == ["rebuilt"]


def test_many(kafka, broker, kafka_project, run_report, tarn):
    """Rejects of all partitions, near and far from each other, each with its own bytes."""
    topic = kafka.create(partitions=4)
    sent = {}
    for number in range(2000):
        partition, offset = number % 4, number // 4
        bad = number % 7 == 0 or 900 < number < 1000
        sent[str(partition), str(offset)] = malformed(f"e{number}") if bad else None
    for partition in range(4):
        kafka.send(topic, [sent[place] or good("g%s-%s" % place) for place in sent if place[0] == str(partition)], partition=partition)
    project = kafka_project(topic)
    run_report(project)
    letters = republish(tarn, kafka, broker, project)
    assert {place: letter.value() for place, letter in letters.items()} == {place: value for place, value in sent.items() if value}
    assert {headers_of(letter)["tarn.original"][0] for letter in letters.values()} == {"source"}


def test_never_into_the_source(refused, broker, tarn):
    topic, project = refused
    failed = tarn("quarantine", "export", "-C", project, "--to", f"kafka://{broker.address}/{topic}", check=False)
    assert failed.returncode == 2 and "for ever" in failed.stderr


def test_a_topic_that_cannot_be_written_to(refused, broker, tarn):
    _, project = refused
    file = project / "tarn.yaml"
    file.write_text(file.read_text().replace('"timeout": "20s"', '"timeout": "1s"'))
    failed = tarn("quarantine", "export", "-C", project, "--to", "kafka://127.0.0.1:1/letters", check=False)
    assert failed.returncode == 3 and "cannot write to the topic letters" in failed.stderr


def test_as_lines(refused, tarn):
    _, project = refused
    raw = tarn("quarantine", "export", "-C", project, "--raw", "--layer", "silver", binary=True).stdout
    assert raw == malformed("e3") + b"\n" + malformed("e4") + b"\n"
    shown = [json.loads(line) for line in tarn("quarantine", "export", "-C", project).stdout.splitlines()]
    assert [record["key"] for record in shown if record["layer"] == "silver"] == ["SUB-1", "SUB-1", "SUB-2"]


def test_replay_gives_the_bronze_row_of_a_first_reading(kafka, kafka_project, run_report, rows, tarn):
    """A record that a limit kept out comes in by replay with key, headers, time and place, and its framing taken off."""
    topic = kafka.create(partitions=1)
    large = FRAME + good("large", note="x" * 30000)
    kafka.send(topic, [large], key="SUB-1", headers=[("trace", "t")])
    projects = [kafka_project(topic, name="first"), kafka_project(topic, name="second")]
    file = projects[0] / "tarn.yaml"
    file.write_text(file.read_text().replace('"timeout"', '"max_record_bytes": "20KiB", "timeout"'))
    assert [run_report(project)["run_counts"]["bronze_quarantined"] for project in projects] == [1, 0]
    file.write_text(file.read_text().replace("20KiB", "1MiB"))
    tarn("quarantine", "replay", "-C", projects[0])
    first, second = (rows(project, "SELECT * EXCLUDE (seq, ingested_at) FROM bronze_raw_events") for project in projects)
    assert first == second and len(first) == 1
