"""The acceptance events through Kafka, shuffled over partitions by subscriber, give the same layers as through a file."""
import json
import random

import pytest

from conftest import TESTS

EVENTS = (TESTS / "acceptance" / "events.ndjson").read_bytes().splitlines()
EXPECTED = json.loads((TESTS / "acceptance" / "expected.json").read_text())
# Without what tells the way that a record came by. Duplicates by their key: which of two equal events came first is the partitions' matter.
LAYERS = {
    "bronze": """SELECT * EXCLUDE (seq, ingested_at, source_name, source_partition, source_offset, record_key, record_headers, record_timestamp)
                 FROM bronze_raw_events""",
    "silver": "SELECT * EXCLUDE (seq, ingested_at) FROM silver_clean_events",
    "gold": "SELECT * FROM gold_subscriber_features",
    "refused": "SELECT layer, table_name, reasons::VARCHAR, hex(raw) FROM tarn.quarantine",
    "duplicates": "SELECT b.event_id, b.raw_payload::VARCHAR FROM tarn.duplicates d JOIN bronze_raw_events b USING (seq)",
}


def layers(rows, project):
    return {name: rows(project, f"SELECT * FROM ({sql}) ORDER BY ALL") for name, sql in LAYERS.items()}


def subscriber(line):
    """What a producer would take as the key: records without one go anywhere, but one event_id stays in one place."""
    try:
        event = json.loads(line)
        return str(event.get("event_id"))[-12:] if isinstance(event, dict) and not isinstance(event.get("subscriber_id"), str) else event["subscriber_id"].strip().upper()
    except (ValueError, TypeError, RecursionError):
        return None


@pytest.fixture(scope="module")
def shuffled():
    """The lines in another order in which every subscriber's events keep theirs."""
    keys = [subscriber(line) or f"none-{number}" for number, line in enumerate(EVENTS)]
    order = keys.copy()
    random.Random(4).shuffle(order)
    queues = {}
    for key, line in zip(keys, EVENTS):
        queues.setdefault(key, []).append(line)
    return [(key, queues[key].pop(0)) for key in order]


def send(kafka, topic, pairs):
    partitions = random.Random(5)
    places = {}
    for key, line in pairs:
        kafka.producer.produce(topic, line, key=None if key.startswith("none-") else key, partition=places.setdefault(key, partitions.randrange(4)))
        kafka.producer.poll(0)
    kafka.producer.flush(60)


@pytest.mark.parametrize("runs", [1, 3])
def test_same_layers_as_through_a_file(kafka, kafka_project, new_project, run_report, rows, shuffled, runs):
    topic = kafka.create()
    project = kafka_project(topic, name="by-topic")
    size = -(-len(shuffled) // runs)
    for start in range(0, len(shuffled), size):
        send(kafka, topic, shuffled[start:start + size])
        report = run_report(project)
    by_file = new_project("by-file")
    (by_file / "events" / "events.ndjson").write_bytes(b"\n".join(EVENTS) + b"\n")
    run_report(by_file)
    assert report["counts"] == EXPECTED["counts"]
    assert report["quality_reasons"] == EXPECTED["quality_reasons"]
    assert layers(rows, project) == layers(rows, by_file)
