"""Exactly once, whatever happens: killed at every fault point and at seeded random moments while four partitions are written to, brokers that die and
come back, a disk that is full. In the end every produced record is in the lakehouse once, by its coordinates, the figures balance, and silver and gold
are what a clean rebuild from bronze gives. TARN_SOAK=1 kills a hundred times at random instead of ten."""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

import events
from broker import Broker
from client import Client, point_to
from conftest import ROOT, TIMEOUT, clean_environment, program

ALL_POINTS = re.findall(r'TARN_FAULT_POINT\("(.+?)"\)', (ROOT / "src" / "base" / "fault_points.h").read_text())
FAULT_POINTS = [name for name in ALL_POINTS if not re.match(r"archive|rebuild", name)]  # those that a run passes
RANDOM_KILLS = 100 if os.environ.get("TARN_SOAK") else 10
SEED = 20261122
SLOW = {"fetch.message.max.bytes": "20000", "fetch.max.bytes": "1000000", "queued.min.messages": "3000"}


class Production(threading.Thread):
    """Produces until it is stopped; knows where every record went."""

    def __init__(self, client, topic):
        super().__init__()
        self.client, self.topic = client, topic
        self.places = {}  # (partition, offset) -> event id
        self.stopping = threading.Event()
        self.some = threading.Event()
        self.producer = client.new_producer()
        self.start()

    def run(self):
        number = 0
        while not self.stopping.is_set():
            for _ in range(50):
                name = f"e{number:07}"
                value = b"not an event" if number % 97 == 0 else events.line(name, subscriber_id=f"SUB-{number % 300}", payload={"latency_ms": number % 90})
                self.producer.produce(self.topic, value, key=f"SUB-{number % 300}", on_delivery=self.delivered)
                number += 1
            self.producer.poll(0.005)
        self.producer.flush(TIMEOUT)

    def delivered(self, error, message):
        assert error is None, error
        self.places[message.partition(), message.offset()] = message.value()
        if len(self.places) > 500:
            self.some.set()

    def stop(self):
        self.stopping.set()
        self.join()


def start_run(project, fault="", env=None):
    return subprocess.Popen([program(), "run", "-C", str(project), "--log", "json"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True, env=clean_environment({"TARN_FAULT": fault, "TARN_THREADS": "2", **(env or {})}))


@pytest.fixture
def production(kafka):
    running = Production(kafka, kafka.create(partitions=4))
    running.some.wait(TIMEOUT)
    yield running
    running.stop()


@pytest.fixture
def assert_exactly_once(rows, tarn):
    def check(project, places):
        found = rows(project, """
          SELECT source_partition AS part, source_offset AS o FROM bronze_raw_events
          UNION ALL SELECT source_partition, source_offset FROM tarn.quarantine WHERE layer = 'bronze'""")
        coordinates = [(row["part"], row["o"]) for row in found]
        assert len(coordinates) == len(set(coordinates)), "a record is in the lakehouse twice"
        assert set(coordinates) == set(places)
        assert events.counts(rows, project)["received"] == len(places)
        tarn("verify", "-C", project)

    return check


@pytest.mark.parametrize("point", FAULT_POINTS)
def test_killed_at_a_fault_point(production, kafka_project, run_report, assert_exactly_once, point):
    project = kafka_project(production.topic)
    run_report(project)
    process = start_run(project, f"{point}:kill")
    _, log = process.communicate(timeout=TIMEOUT)
    assert process.returncode == -signal.SIGKILL, f"the run never came to {point}: {log}"
    run_report(project)
    production.stop()
    run_report(project)
    assert_exactly_once(project, production.places)


@pytest.mark.parametrize("seed", range(RANDOM_KILLS))
def test_killed_at_a_random_moment(production, kafka_project, run_report, assert_exactly_once, seed):
    project = kafka_project(production.topic)
    begun = time.monotonic()
    run_report(project)
    usual = time.monotonic() - begun
    for turn in range(3):
        process = start_run(project)
        try:
            process.communicate(timeout=random.Random(f"{SEED} {seed} {turn}").uniform(0, usual))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
    production.stop()
    run_report(project)
    assert_exactly_once(project, production.places)


@pytest.fixture
def mortal(tmp_path):
    """A broker of this test alone, and its client."""
    broker = Broker(tmp_path / "mortal").start()
    yield broker, Client(broker)
    broker.kill()


def wait_for_step(process, name):
    """Reads the run's log until the step has begun."""
    for line in process.stderr:
        if json.loads(line).get("step") == name:
            return
    pytest.fail(f"the run ended before its step {name}")


def read_some(project, client, topic, count=25000):
    """A run that reads slowly and has begun with bronze."""
    production = {}
    producer = client.new_producer()
    for number in range(count):
        producer.produce(topic, events.line(f"e{number:07}", note="x" * 100), on_delivery=lambda e, m: production.__setitem__((m.partition(), m.offset()), e))
        producer.poll(0)
    producer.flush(TIMEOUT)
    process = start_run(project)
    wait_for_step(process, "bronze")
    return process, production


def run_while_the_broker_restarts(broker, project, client, topic):
    """-> how the run ended, its log, and what was produced by place."""
    process, places = read_some(project, client, topic)
    broker.kill()
    assert process.poll() is None, "the run was over before the broker died"
    broker.start()
    _, log = process.communicate(timeout=TIMEOUT)
    return process.returncode, log, places


def be_patient(project):
    file = project / "tarn.yaml"
    file.write_text(file.read_text().replace('"timeout": "1s"', '"timeout": "60s"'))


def test_a_broker_that_dies_and_comes_back_in_time(mortal, new_project, run_report, assert_exactly_once):
    broker, client = mortal
    topic = client.create()
    project = point_to(new_project(), broker.address, topic, kafka=SLOW, timeout="60s")
    returncode, log, places = run_while_the_broker_restarts(broker, project, client, topic)
    assert returncode == 0, log
    run_report(project)
    assert_exactly_once(project, places)


def test_a_broker_that_comes_back_too_late(mortal, new_project, run_report, assert_exactly_once):
    """The run gives up, or its second or third attempt succeeds: what the first one took was rolled back and is read again."""
    broker, client = mortal
    topic = client.create()
    project = point_to(new_project(), broker.address, topic, kafka=SLOW, timeout="1s")
    returncode, log, places = run_while_the_broker_restarts(broker, project, client, topic)
    assert returncode in (0, 3), log
    be_patient(project)
    run_report(project)
    assert_exactly_once(project, places)


def test_a_broker_that_stays_away(mortal, new_project, tarn, run_report, assert_exactly_once):
    broker, client = mortal
    topic = client.create()
    project = point_to(new_project(), broker.address, topic, kafka=SLOW, timeout="1s")
    process, places = read_some(project, client, topic)
    broker.kill()
    _, log = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 3, log
    assert not (project / "telecom.duckdb").exists()
    broker.start()
    be_patient(project)
    run_report(project)
    assert_exactly_once(project, places)


@pytest.mark.parametrize("fault", ["bronze.batch:enospc", "bronze.batch:enospc:5", "bronze.done:enospc"])
def test_disk_full_mid_batch(production, kafka, kafka_project, run_report, assert_exactly_once, fault):
    project = kafka_project(production.topic, group=f"full-{production.topic}")
    run_report(project)
    before = kafka.committed(f"full-{production.topic}", production.topic)
    process = start_run(project, fault)
    _, log = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 5 and "free space" in log
    assert kafka.committed(f"full-{production.topic}", production.topic) == before
    production.stop()
    run_report(project)
    assert_exactly_once(project, production.places)


def test_disk_that_is_really_full(production, kafka_project, run_report, assert_exactly_once, tmp_path):
    """The records of the run do not fit; what is published stays, and the run after there is space has them all."""
    project = kafka_project(production.topic)
    run_report(project)
    published = project / "telecom.duckdb"
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={int(published.stat().st_size * 2.4)}", "tarn-test", disk]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        shutil.copy(published, disk / "telecom.duckdb")
        env = {"DB_PATH": str(disk / "telecom.duckdb")}
        Client.wait_for(lambda: len(production.places) > 30000)
        process = start_run(project, env=env)
        _, log = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 5 and "free" in log
        production.stop()
        subprocess.run(["mount", "-o", "remount,size=500M", disk], check=True)
        run_report(project, env=env)
        shutil.copy(disk / "telecom.duckdb", tmp_path / "after.duckdb")
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
    published.unlink()
    shutil.copy(tmp_path / "after.duckdb", published)
    assert_exactly_once(project, production.places)
