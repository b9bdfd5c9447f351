"""What the benchmarks share: the programs, the folder of one run, figures. Contestants take turns within one run, in changing order, with
clean disk buffers, and what counts is the ratio of their medians."""
import collections
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARN = pathlib.Path(os.environ.get("TARN", ROOT / "build" / "tarn")).resolve()
BASELINE = TARN.parent / "bench" / "baseline"
MIB = 1 << 20

Finished = collections.namedtuple("Finished", "seconds peak_bytes output")
Result = collections.namedtuple("Result", "name value unit goal against")  # value None: it could not be measured here
BENCHMARKS = {}  # name -> function(bench) that yields results whose names begin with that name


def benchmark(name):
    return lambda function: BENCHMARKS.setdefault(name, function)


class Failed(Exception):
    """A program that was to be measured did not do its work."""


def execute(arguments, environment=None, enter=None):
    """Runs a program to its end. enter is called in the child before it begins. The peak is of resident memory, as the kernel counts it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        os.sync()
        begun = time.monotonic()
        process = subprocess.Popen([*map(str, arguments)], stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                                   env={**kept, **(environment or {})}, preexec_fn=enter)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0), errors.seek(0)
        if process.returncode != 0:
            raise Failed(f"{' '.join(map(str, arguments))}: exit {process.returncode}\n{errors.read().decode(errors='replace')}")
        return Finished(seconds, usage.ru_maxrss * 1024, output.read().decode())


class Bench:
    """The folder and the options of one run, and the programs in it."""

    def __init__(self, folder, options):
        self.folder, self.options = folder, options

    def size(self, events):
        return events // 100 if self.options.quick else events

    def events(self, count, defects):
        """A file with so many events, written once."""
        path = self.folder / f"{count}-{defects}.ndjson"
        if not path.exists():
            execute([TARN, "generate", "--events", count, "--defects", defects, "--out", path])
        return path

    @contextlib.contextmanager
    def project(self, *events):
        """A fresh telecom project over these files, which it shares; removed at the end."""
        folder = self.folder / "project"
        execute([TARN, "init", folder])
        self.add_events(folder, *events)
        yield folder
        shutil.rmtree(folder)

    def add_events(self, project, *events):
        (project / "events").mkdir(exist_ok=True)
        for path in events:
            os.link(path, project / "events" / path.name)

    def run(self, project, environment=None, enter=None):
        """`tarn run`: what it took, and its report."""
        finished = execute([TARN, "run", "-C", project, "--json"], {"TARN_THREADS": str(self.options.threads), **(environment or {})}, enter)
        return finished, json.loads(finished.output)

    def first_run(self, events, count, environment=None, enter=None):
        with self.project(events) as project:
            finished, report = self.run(project, environment, enter)
        check_received(report, count)
        return finished

    def script(self, events):
        """bench/baseline.sql over the same file."""
        database = self.folder / "baseline.duckdb"
        finished = execute([BASELINE, database, ROOT / "bench" / "baseline.sql", events, self.options.threads])
        database.unlink()
        return finished

    def alternate(self, *contestants):
        """Calls each in every round, in turns of changing order -> a list of results for each."""
        results = [[] for _ in contestants]
        for number in range(self.options.rounds):
            order = range(len(contestants))
            for index in order if number % 2 == 0 else reversed(order):
                results[index].append(contestants[index]())
        return results


def check_received(report, count):
    if report["counts"]["received"] != count:
        raise Failed(f"tarn run received {report['counts']['received']} records of {count}")


def median_seconds(results):
    return statistics.median(result.seconds for result in results)


def make_memory_group(size):
    """A cgroup (version 2, else 1) of that size and the name of its limit, or None where the machine does not let us."""
    for parent, limit in (("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")):
        group = pathlib.Path(parent, f"tarn-bench-{os.getpid()}")
        if not (group.parent / "cgroup.procs").exists():
            continue
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / limit).exists():
            (group / limit).write_text(str(size))
            return group, limit
        group.rmdir()
    return None


@contextlib.contextmanager
def memory_limit(size):
    """(environment, function that the child calls first, description): how a child is kept within that size."""
    made = make_memory_group(size)
    if not made:
        yield {"TARN_MEMORY_LIMIT": str(size)}, None, "TARN_MEMORY_LIMIT alone: there is no cgroup to be had"
        return
    group, limit = made
    try:
        yield {}, lambda: (group / "cgroup.procs").write_text(str(os.getpid())), f"a cgroup whose {limit} is {size // MIB} MiB"
    finally:
        group.rmdir()
