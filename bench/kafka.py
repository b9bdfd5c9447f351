"""From a Kafka topic to a published generation, against a librdkafka consumer that only counts, on a real broker of this machine."""
import contextlib
import json
import shutil
import sys

from measure import MIB, ROOT, TARN, Result, benchmark, check_received, execute, median_seconds, memory_limit

sys.path.append(str(ROOT / "tests" / "kafka"))
from broker import Broker  # noqa: E402

CONSUMER = TARN.parent / "bench" / "kafka_consumer"
PARTITIONS = 4  # of broker.py's topics


@contextlib.contextmanager
def broker_of(bench):
    broker = Broker(bench.folder / "broker").start()
    try:
        yield broker
    finally:
        broker.kill()
        shutil.rmtree(broker.folder)


def fill(broker, topic, count):
    """A topic with so many events, which the broker makes by itself."""
    execute([TARN, "generate", "--events", count, "--defects", 0.05, "--to", f"kafka://{broker.address}/{topic}"])


@contextlib.contextmanager
def project_of(bench, broker, topic, bronze_alone=False):
    with bench.project() as folder:
        file = folder / "tarn.yaml"
        head, rest = file.read_text().split("\nsource:", 1)
        bronze, publish = rest[rest.index("\nbronze:"):].split("\npublish:", 1)
        source = {"kind": "kafka", "brokers": [broker.address], "topics": [topic]}
        file.write_text(f"{head}\nsource: {json.dumps(source)}\n{bronze}" + ("" if bronze_alone else f"\npublish:{publish}"))
        for part in ("silver", "gold", "checks", "api") if bronze_alone else ():
            shutil.rmtree(folder / part)
        yield folder


def read(bench, broker, topic, count, bronze_alone=False, **limits):
    with project_of(bench, broker, topic, bronze_alone) as folder:
        finished, report = bench.run(folder, **limits)
    check_received(report, count)
    return finished


def consume(broker, topic, count):
    finished = execute([CONSUMER, broker.address, topic, PARTITIONS])
    check_received({"counts": {"received": json.loads(finished.output)["records"]}}, count)
    return finished


@benchmark("kafka/2M")
def kafka_rate(bench):
    count = bench.size(2_000_000)
    with broker_of(bench) as broker:
        fill(broker, "events", count)
        consume(broker, "events", count)  # the topic in the disk's buffers, the broker's code compiled
        bare, bronze, everything = bench.alternate(lambda: consume(broker, "events", count),
                                                   lambda: read(bench, broker, "events", count, bronze_alone=True),
                                                   lambda: read(bench, broker, "events", count))
    against = f"a librdkafka consumer that only counts: {count / median_seconds(bare):,.0f} events/s"
    yield Result("kafka/2M/bronze_ratio_to_consumer", median_seconds(bare) / median_seconds(bronze), "ratio", ">= 0.5", against)
    yield Result("kafka/2M/bronze_events_per_second", round(count / median_seconds(bronze)), "events/s", None, "broker to published bronze, scored")
    yield Result("kafka/2M/events_per_second", round(count / median_seconds(everything)), "events/s", None, "broker to published bronze, silver and gold")
    yield Result("kafka/2M/bronze_peak_memory", max(r.peak_bytes for r in bronze) / 1e6, "MB", "< 600", "the default budget")
    yield Result("kafka/2M/peak_memory", max(r.peak_bytes for r in everything) / 1e6, "MB", "< 600", "the default budget")


@benchmark("kafka/100k")
def kafka_small(bench):
    count = bench.size(100_000)
    with broker_of(bench) as broker, memory_limit(256 * MIB) as (environment, enter, description):
        fill(broker, "events", count)
        finished = read(bench, broker, "events", count, environment=environment, enter=enter)
    yield Result("kafka/100k/peak_memory", finished.peak_bytes / MIB, "MiB", "<= 256", description)
    yield Result("kafka/100k/seconds", finished.seconds, "s", None, "broker to published generation")
