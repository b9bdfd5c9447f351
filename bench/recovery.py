"""How long it takes to get a lakehouse back: from its archive and from its source, compared, audited and published."""
import contextlib
import json
import shutil

from kafka import PARTITIONS, broker_of, fill, project_of
from measure import MIB, TARN, Failed, Result, benchmark, check_received, execute, median_seconds


class Recovery:
    """A project whose lakehouse is published, an archive of it, and a place to rebuild it in."""

    def __init__(self, bench, project, count):
        self.project, self.count = project, count
        self.environment = {"TARN_THREADS": str(bench.options.threads)}
        self.archive, self.rebuilt = bench.folder / "archive", bench.folder / "rebuilt.duckdb"

    def tarn(self, *arguments, **environment):
        return execute([TARN, *arguments], {**self.environment, **environment})

    def rebuild(self, origin):
        finished = self.tarn("rebuild", "-C", self.project, "--from", origin, "--archive", self.archive, "--json", DB_PATH=str(self.rebuilt))
        report = json.loads(finished.output)
        check_received(report["run"], self.count)
        if {comparison["result"] for comparison in report["comparisons"]} != {"equal"}:
            raise Failed(f"what was rebuilt from the {origin} is not what was recorded")
        self.rebuilt.unlink()
        shutil.rmtree(f"{self.rebuilt}.d")
        return finished


@contextlib.contextmanager
def recovery_of(bench, project, count):
    recovery = Recovery(bench, project, count)
    yield recovery
    shutil.rmtree(recovery.archive)


@benchmark("recovery/5M")
def recovery_files(bench):
    count = bench.size(5_000_000)
    with bench.project(bench.events(count, 0.05)) as project, recovery_of(bench, project, count) as recovery:
        first, _ = bench.run(project)
        archived = recovery.tarn("archive", "-C", project, recovery.archive)
        size, database = sum(path.stat().st_size for path in recovery.archive.rglob("*.parquet")), (project / "telecom.duckdb").stat().st_size
        again = recovery.tarn("archive", "-C", project, recovery.archive)
        verified = recovery.tarn("archive", "--verify", recovery.archive)
        from_archive, from_source = bench.alternate(lambda: recovery.rebuild("archive"), lambda: recovery.rebuild("source"))
    yield Result("recovery/5M/archive/seconds", archived.seconds, "s", None, f"the first run's {first.seconds:.2f} s")
    yield Result("recovery/5M/archive/size", size / MIB, "MiB", None, f"the database's {database / MIB:.0f} MiB")
    yield Result("recovery/5M/archive/nothing_new_seconds", again.seconds, "s", None, "the archive is up to date")
    yield Result("recovery/5M/archive/verify_seconds", verified.seconds, "s", None, "every file is read")
    yield Result("recovery/5M/from_archive/seconds", median_seconds(from_archive), "s", None, "to the compared, audited and published generation")
    yield Result("recovery/5M/from_archive/peak_memory", max(r.peak_bytes for r in from_archive) / MIB, "MiB", None, "the default budget")
    yield Result("recovery/5M/from_source/seconds", median_seconds(from_source), "s", None, "NDJSON, else the same")


@benchmark("recovery/kafka_5M")
def recovery_kafka(bench):
    count = bench.size(5_000_000)
    with broker_of(bench) as broker:
        fill(broker, "events", count)
        with project_of(bench, broker, "events") as project, recovery_of(bench, project, count) as recovery:
            bench.run(project)
            recovery.tarn("archive", "-C", project, recovery.archive)
            [from_kafka] = bench.alternate(lambda: recovery.rebuild("kafka"))
    yield Result("recovery/kafka_5M/seconds", median_seconds(from_kafka), "s", None, f"a broker of this machine, {PARTITIONS} partitions")
    yield Result("recovery/kafka_5M/peak_memory", max(r.peak_bytes for r in from_kafka) / MIB, "MiB", None, "the default budget")
