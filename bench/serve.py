"""How fast `tarn serve` answers, over one published file of 1,000,000 subscribers and a gigabyte: against nginx where the answer is known already,
against a plain Python service where it is not."""
import contextlib
import json
import pathlib
import random
import statistics
import time

import servers
from measure import TARN, Failed, Result, benchmark, check_received, execute

EVENTS, SUBSCRIBERS = 8_000_000, 1_020_000
LIST, SUMMARY, ONE = "/api/v1/subscribers", "/api/v1/analytics/summary", "/api/v1/subscribers/"
TABLE = "/api/v1/tables/gold_subscriber_features"
CACHE_CLIENTS, QUERY_CLIENTS = 64, 8


class Lakehouse:
    """The published file that all benchmarks here read, made once."""

    def __init__(self, bench):
        self.project = bench.folder / "served"
        self.database = self.project / "telecom.duckdb"
        count = bench.size(EVENTS)
        execute([TARN, "init", self.project])
        (self.project / "events").mkdir(exist_ok=True)
        events = self.project / "events" / "events.ndjson"
        execute([TARN, "generate", "--events", count, "--subscribers", bench.size(SUBSCRIBERS), "--out", events])
        _, self.report = bench.run(self.project)
        check_received(self.report, count)
        events.unlink()
        self.size = f"{self.report['counts']['gold']:,} subscribers, {self.database.stat().st_size / 1e9:.2f} GB"
        self.settings = (self.project / "tarn.yaml").read_text()

    def cache(self, on):
        """Whether a server that starts from now on keeps its answers."""
        off = self.settings.replace("\nserve:\n", "\nserve:\n  cache: 0\n")
        (self.project / "tarn.yaml").write_text(self.settings if on else off)

    def subscribers(self, count):
        """A file with the paths of so many subscribers, by chance."""
        chosen = f"SELECT subscriber_id AS id FROM gold_subscriber_features USING SAMPLE reservoir({count} ROWS) REPEATABLE (1)"
        rows = json.loads(execute([TARN, "query", "-C", self.project, "--format", "json", chosen]).output)
        return self.paths("one", [f"{ONE}{row['id']}" for row in rows if row["id"].isascii() and "/" not in row["id"]])

    def paths(self, name, paths):
        file = self.project / f"{name}.paths"
        random.Random(1).shuffle(paths)
        file.write_text("".join(path + "\n" for path in paths))
        return file


def lakehouse(bench):
    bench.lakehouse = getattr(bench, "lakehouse", None) or Lakehouse(bench)
    return bench.lakehouse


def seconds(bench):
    return 1 if bench.options.quick else 5


def rate(loads):
    return statistics.median(load.requests / load.seconds for load in loads)


def worst(loads):
    """Of the rounds' p99: the median, so that one disturbance by something else on the machine does not decide."""
    return statistics.median(load.p99 for load in loads)


def warm(server, target):
    servers.load(server, target, QUERY_CLIENTS, 1)


@benchmark("serve/precompute")
def precompute(bench):
    report = lakehouse(bench).report
    step = next(step for step in report["steps"] if step["name"] == "precompute")
    yield Result("serve/precompute/seconds", step["milliseconds"] / 1000, "s", None,
                 f"of the run's {report['milliseconds'] / 1000:.1f} s: {step['rows']} answers over {lakehouse(bench).size}")


@benchmark("serve/start")
def start(bench):
    house = lakehouse(bench)
    house.cache(True)
    taken = []
    for _ in range(bench.options.rounds):
        with servers.tarn(house.project, bench.options.threads) as server:
            taken.append(server.ready_seconds)
    yield Result("serve/start/seconds_to_ready", statistics.median(taken), "s", "< 0.15", f"/readyz answers 200; {house.size}")


@benchmark("serve/cached")
def cached(bench):
    house, workers = lakehouse(bench), bench.options.threads
    house.cache(True)
    with servers.tarn(house.project, workers) as tarn:
        known = {path: tarn.get(path) for path in (LIST, SUMMARY)}
        with servers.nginx(bench.folder / "nginx", known, workers) as nginx:
            for path, response in known.items():
                if nginx.get(path).body != response.body:
                    raise Failed(f"nginx does not send what Tarn does for {path}")
            for name, path in (("list", LIST), ("summary", SUMMARY)):
                yield against_nginx(bench, f"serve/cached/{name}", tarn, nginx, path)
            yield against_nginx(bench, "serve/cached/not_modified", tarn, nginx, LIST, not_modified=True)


def against_nginx(bench, name, tarn, nginx, path, not_modified=False):
    def contestant(server):
        etag = server.get(path).headers["ETag"] if not_modified else None
        if etag and server.get(path, {"If-None-Match": etag}).status != 304:
            raise Failed(f"{server.name} does not answer 304 for {path}")
        return lambda: servers.load(server, path, CACHE_CLIENTS, seconds(bench), etag)

    ours, theirs = bench.alternate(contestant(tarn), contestant(nginx))
    what = "304s" if not_modified else "the same bytes as a static file"
    return Result(f"{name}_ratio_to_nginx", rate(ours) / rate(theirs), "ratio", "> 1.0" if not_modified else ">= 1.0",
                  f"{rate(ours):,.0f} requests/s against {rate(theirs):,.0f}: {what}, {CACHE_CLIENTS} clients, {bench.options.threads} workers")


@benchmark("serve/uncached")
def uncached(bench):
    house = lakehouse(bench)
    house.cache(False)
    ones = house.subscribers(2000)
    with servers.tarn(house.project, bench.options.threads) as tarn:
        idle = tarn.resident_bytes()
        for name, target in (("list", LIST), ("one", ones), ("summary", SUMMARY)):
            warm(tarn, target)
            [loads] = bench.alternate(lambda: servers.load(tarn, target, QUERY_CLIENTS, seconds(bench)))
            yield Result(f"serve/uncached/{name}_p99", worst(loads), "ms", "< 10",
                         f"{rate(loads):,.0f} requests/s, {QUERY_CLIENTS} clients, no response cache; {house.size}")
        time.sleep(1)  # the engine gives memory back
        yield Result("serve/idle/resident", idle / 1e6, "MB", "< 120", f"just started; {tarn.resident_bytes() / 1e6:.0f} MB after the load; {house.size}")


@benchmark("serve/table")
def table(bench):
    house = lakehouse(bench)
    house.cache(False)
    reads = house.paths("table", [f"{TABLE}?avg_latency_ms=gt.{60 + n}&order=avg_bill_zmw.desc.nullslast,subscriber_id&limit=50" for n in range(100)])
    with servers.tarn(house.project, bench.options.threads) as tarn:
        first = reads.read_text().splitlines()[0]
        answer = tarn.get(first)
        if answer.status != 200:
            raise Failed(f"{first}: {answer.status} {answer.body.decode()}")
        warm(tarn, reads)
        [loads] = bench.alternate(lambda: servers.load(tarn, reads, 1, seconds(bench)))
    yield Result("serve/table/p99", worst(loads), "ms", "< 30", f"filtered, sorted, top 50, one client, p50 {statistics.median(l.p50 for l in loads):.1f} ms; {house.size}")


@benchmark("serve/fastapi")
def fastapi(bench):
    names = ("list", "one", "summary")
    if not servers.install_fastapi(bench.options.quick):
        for name in names:
            yield Result(f"serve/fastapi/{name}_ratio", None, "ratio", None, "the plain Python service is not installed")
        return
    house, workers = lakehouse(bench), bench.options.threads
    house.cache(False)
    targets = dict(zip(names, (LIST, house.subscribers(2000), SUMMARY)))
    with contextlib.ExitStack() as stack:
        tarn = stack.enter_context(servers.tarn(house.project, workers))
        python = stack.enter_context(servers.fastapi(house.project, house.database, workers))
        for name, target in targets.items():
            check_equal(tarn, python, target)
            ours, theirs = bench.alternate(*(lambda server=s: servers.load(server, target, QUERY_CLIENTS, seconds(bench)) for s in (tarn, python)))
            yield Result(f"serve/fastapi/{name}_ratio", rate(ours) / rate(theirs), "ratio", None,
                         f"{rate(ours):,.0f} requests/s against {rate(theirs):,.0f}; p99 {worst(ours):.1f} ms against {worst(theirs):.1f}; no response cache")


def check_equal(tarn, python, target):
    path = target.read_text().splitlines()[0] if isinstance(target, pathlib.Path) else target
    ours, theirs = json.loads(tarn.get(path).body), json.loads(python.get(path).body)
    if isinstance(ours, dict):  # times are written in other ways
        ours, theirs = ({key: value for key, value in row.items() if not key.endswith("_at")} for row in (ours, theirs))
    if ours != theirs:
        raise Failed(f"{path}: the contestants answer differently\n{ours}\n{theirs}")
