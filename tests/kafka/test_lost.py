"""Records that are gone, or that are not the ones that were read: never in silence. And holes in the offsets, which are no loss."""
import threading

import pytest
from confluent_kafka import Consumer

import events
from broker import Broker
from client import Client, point_to

ALL = "SELECT event_id FROM bronze_raw_events ORDER BY event_id"


def numbered(first, count, **fields):
    return [events.event(f"e{number:05}", **fields) for number in range(first, first + count)]


def names(*numbers):
    return [{"event_id": f"e{number:05}"} for number in numbers]


@pytest.fixture
def read_topic(kafka, kafka_project, run_report):
    """A topic of one partition with 100 records, and a project that has read them."""
    topic = kafka.create(partitions=1)
    kafka.send(topic, numbered(0, 100))
    project = kafka_project(topic, on_gap="stop")
    run_report(project)
    return topic, project


def set_on_gap(project, rule):
    file = project / "tarn.yaml"
    file.write_text(file.read_text().replace('"on_gap": "stop"', f'"on_gap": "{rule}"'))


def gaps(rows, project):
    return rows(project, "SELECT source_partition AS part, first_offset AS first, next_offset AS next FROM tarn.gaps ORDER BY ALL")


def test_retention_that_was_faster(read_topic, kafka, tmp_path, tarn, run_report, rows):
    topic, project = read_topic
    kafka.send(topic, numbered(100, 100))
    kafka.delete_records(topic, 0, 130, tmp_path)
    failed = tarn("run", "-C", project, check=False)
    assert failed.returncode == 3
    assert f"30 offsets of the source are lost: {topic} partition 0, offsets from 100 to 129: retention" in failed.stderr
    assert "on_gap: continue" in failed.stderr
    assert rows(project, ALL) == names(*range(100))

    set_on_gap(project, "continue")
    report = run_report(project)
    assert report["run_counts"]["received"] == 70
    assert "30 offsets lost in partition 0 from offset 100" in report["changes"][0]["what"]
    assert rows(project, ALL) == names(*range(100), *range(130, 200))
    assert gaps(rows, project) == [{"part": 0, "first": 100, "next": 130}]
    assert run_report(project)["published"] is False, "a gap is recorded once"


def test_retention_that_left_nothing(read_topic, kafka, tmp_path, tarn, run_report, rows):
    topic, project = read_topic
    kafka.send(topic, numbered(100, 20))
    kafka.delete_records(topic, 0, 120, tmp_path)
    assert tarn("run", "-C", project, check=False).returncode == 3
    set_on_gap(project, "continue")
    assert run_report(project)["run_counts"]["received"] == 0
    assert gaps(rows, project) == [{"part": 0, "first": 100, "next": 120}]
    kafka.send(topic, numbered(120, 5))
    assert run_report(project)["run_counts"]["received"] == 5


def test_what_was_read_may_go(read_topic, kafka, tmp_path, run_report, rows):
    topic, project = read_topic
    kafka.delete_records(topic, 0, 100, tmp_path)
    assert run_report(project)["published"] is False
    kafka.send(topic, numbered(100, 5))
    assert run_report(project)["run_counts"]["received"] == 5


def test_a_first_run_takes_what_is_there(kafka, kafka_project, tmp_path, run_report, rows):
    topic = kafka.create(partitions=1)
    kafka.send(topic, numbered(0, 10))
    kafka.delete_records(topic, 0, 4, tmp_path)
    project = kafka_project(topic)
    assert run_report(project)["run_counts"]["received"] == 6
    assert gaps(rows, project) == []


@pytest.mark.parametrize("records", [40, 100, 300], ids=["shorter", "as long", "longer"])
def test_a_topic_that_was_created_again(read_topic, kafka, tarn, run_report, rows, records):
    """Its offsets begin at 0 again: as long as before or longer, only the last known record tells."""
    topic, project = read_topic
    kafka.delete(topic)
    kafka.create(topic, partitions=1)
    kafka.send(topic, numbered(1000, records))
    failed = tarn("run", "-C", project, check=False)
    assert failed.returncode == 3 and "deleted and created again" in failed.stderr
    set_on_gap(project, "continue")
    assert run_report(project)["run_counts"]["received"] == records
    assert rows(project, ALL) == names(*range(100), *range(1000, 1000 + records))
    assert gaps(rows, project) == [{"part": 0, "first": 100, "next": None}]
    kafka.send(topic, numbered(5000, 1))
    assert run_report(project)["run_counts"]["received"] == 1


def test_a_topic_that_lost_partitions(kafka, kafka_project, tarn, run_report):
    topic = kafka.create(partitions=3)
    project = kafka_project(topic)
    kafka.send(topic, numbered(0, 10), partition=2)
    run_report(project)
    kafka.delete(topic)
    kafka.create(topic, partitions=1)
    failed = tarn("run", "-C", project, check=False)
    assert failed.returncode == 3 and "fewer partitions" in failed.stderr


def test_the_same_topic_in_another_cluster(read_topic, tmp_path, tarn, run_report, monkeypatch):
    topic, project = read_topic
    monkeypatch.setattr("broker.CLUSTER_ID", "tarn-tests-0000000000B")
    other = Broker(tmp_path / "other").start()
    try:
        client = Client(other)
        client.create(topic, partitions=1)
        client.send(topic, numbered(1000, 150))
        failed = tarn("run", "-C", project, env={"KAFKA_BROKERS": other.address}, check=False)
        assert failed.returncode == 3 and "another cluster" in failed.stderr
        set_on_gap(project, "continue")
        assert run_report(project, env={"KAFKA_BROKERS": other.address})["run_counts"]["received"] == 150
        assert run_report(project, env={"KAFKA_BROKERS": other.address})["published"] is False
    finally:
        other.kill()


def test_a_new_partition_whose_beginning_is_gone(kafka, kafka_project, tmp_path, tarn, run_report):
    topic = kafka.create(partitions=1)
    project = kafka_project(topic)
    kafka.send(topic, numbered(0, 1))
    run_report(project)
    kafka.add_partitions(topic, 2)
    kafka.send(topic, numbered(10, 10), partition=1)
    kafka.delete_records(topic, 1, 5, tmp_path)
    failed = tarn("run", "-C", project, check=False)
    assert failed.returncode == 3 and f"{topic} partition 1, offsets from 0 to 4" in failed.stderr


def test_compaction_is_no_loss(kafka, kafka_project, run_report, rows):
    """A compacted topic has holes; the position, and even the last record that was read, may be one."""
    topic = kafka.create(partitions=1, cleanup_policy="compact", segment_bytes=20000, min_cleanable_dirty_ratio=0.001, max_compaction_lag_ms=100)
    project = kafka_project(topic)
    for round_ in range(2):
        for number in range(50):
            kafka.send(topic, numbered(1000 * round_ + number, 1), key="k")
        run_report(project)
    for number in range(200):
        kafka.send(topic, numbered(5000 + number, 1, note="x" * 500), key="k")
    kafka.wait_for(lambda: kafka.read(topic)[0].offset() > 120)
    left = [message.offset() for message in kafka.read(topic)]
    assert len(left) < 180
    assert run_report(project)["run_counts"]["received"] == len(left)
    assert rows(project, "SELECT source_offset AS o FROM bronze_raw_events WHERE source_offset >= 100 ORDER BY 1") == [{"o": offset} for offset in left]


def test_transactions(kafka, kafka_project, run_report, rows):
    """Aborted records are never read, markers are passed over, and an open transaction waits for its end."""
    topic = kafka.create(partitions=1)
    producer = kafka.transactional(f"tx-{topic}")
    project = kafka_project(topic)

    def transaction(first, end):
        producer.begin_transaction()
        for number in range(first, first + 10):
            producer.produce(topic, events.line(f"e{number:05}"))
        producer.flush()
        end(60)

    transaction(0, producer.commit_transaction)
    transaction(100, producer.abort_transaction)
    transaction(200, producer.commit_transaction)
    assert run_report(project)["run_counts"]["received"] == 20
    assert run_report(project)["published"] is False
    transaction(300, producer.abort_transaction)
    assert run_report(project)["published"] is False, "watermarks grew, records did not"

    producer.begin_transaction()
    producer.produce(topic, events.line("e00400"))
    producer.flush()
    kafka.send(topic, numbered(500, 3))
    assert run_report(project)["published"] is False, "nothing behind an open transaction is stable"
    producer.commit_transaction(60)
    assert run_report(project)["run_counts"]["received"] == 4
    assert rows(project, ALL) == names(*range(10), *range(200, 210), 400, 500, 501, 502)


def test_others_in_the_same_group_change_nothing(kafka, kafka_project, run_report, rows):
    """Two consumers come and go in Tarn's own group while it reads: it has no part in their rebalances."""
    topic = kafka.create(partitions=4)
    kafka.send(topic, numbered(0, 20000))
    project = kafka_project(topic, group=f"shared-{topic}")
    done = threading.Event()

    def come_and_go():
        while not done.is_set():
            consumer = Consumer({**kafka.servers, "group.id": f"shared-{topic}", "session.timeout.ms": 6000, "auto.offset.reset": "latest"})
            consumer.subscribe([topic])
            consumer.poll(0.2)
            consumer.close()

    others = [threading.Thread(target=come_and_go) for _ in range(2)]
    for other in others:
        other.start()
    try:
        received = [run_report(project, "--max-records", 5000)["run_counts"]["received"] for _ in range(4)]
    finally:
        done.set()
        for other in others:
            other.join()
    assert received == [5000] * 4
    assert rows(project, ALL) == names(*range(20000))


def test_no_broker(new_project, tarn):
    project = point_to(new_project(), "127.0.0.1:1", "events", timeout="1s")
    failed = tarn("run", "-C", project, check=False)
    assert failed.returncode == 3 and "no Kafka broker answers" in failed.stderr and "KAFKA_BROKERS" in failed.stderr


def test_no_topic(kafka_project, tarn):
    failed = tarn("run", "-C", kafka_project("no-such-topic"), check=False)
    assert failed.returncode == 3 and "there is no topic no-such-topic" in failed.stderr
