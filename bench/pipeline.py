"""How fast and in how much memory events become a published generation, against bench/baseline.sql."""
from measure import MIB, TARN, Failed, Result, benchmark, check_received, execute, median_seconds, memory_limit


@benchmark("generate")
def generate(bench):
    count = bench.size(2_000_000)
    target = bench.folder / "generated.ndjson"
    [results] = bench.alternate(lambda: execute([TARN, "generate", "--events", count, "--out", target]))
    target.unlink()
    yield Result("generate/events_per_second", round(count / median_seconds(results)), "events/s", ">= 500000", "a file, one core")


def against_script(bench, name, defects):
    count = bench.size(1_000_000)
    events = bench.events(count, defects)
    tarn, script = bench.alternate(lambda: bench.first_run(events, count), lambda: bench.script(events))
    against = f"bench/baseline.sql, {bench.options.threads} threads each"
    yield Result(f"{name}/ratio_to_script", median_seconds(tarn) / median_seconds(script), "ratio", "<= 1.0", against)
    yield Result(f"{name}/seconds", median_seconds(tarn), "s", None, f"the script's {median_seconds(script):.2f} s")
    yield Result(f"{name}/peak_memory", max(r.peak_bytes for r in tarn) / MIB, "MiB", None,
                 f"the script's {max(r.peak_bytes for r in script) / MIB:.0f} MiB, which has no limit")


@benchmark("pipeline/1M")
def pipeline_clean(bench):
    yield from against_script(bench, "pipeline/1M", 0)


@benchmark("pipeline/1M_defects")
def pipeline_defects(bench):
    yield from against_script(bench, "pipeline/1M_defects", 0.05)


@benchmark("pipeline/10M")
def pipeline_memory(bench):
    count = bench.size(10_000_000)
    events = bench.events(count, 0.05)
    finished = bench.first_run(events, count)
    events.unlink()
    yield Result("pipeline/10M/peak_memory", finished.peak_bytes / 1e6, "MB", "< 1000", "the default budget")
    yield Result("pipeline/10M/events_per_second", round(count / finished.seconds), "events/s", None, "NDJSON to published generation")


@benchmark("pipeline/100k")
def pipeline_small(bench):
    count = bench.size(100_000)
    events = bench.events(count, 0.05)
    with memory_limit(256 * MIB) as (environment, enter, description):
        finished = bench.first_run(events, count, environment, enter)
    yield Result("pipeline/100k/peak_memory", finished.peak_bytes / MIB, "MiB", "<= 256", description)
    yield Result("pipeline/100k/seconds", finished.seconds, "s", "< 60", "the original platform's minute")


@benchmark("pipeline/nothing_new")
def pipeline_nothing_new(bench):
    events = bench.events(bench.size(1_000_000), 0.05)
    with bench.project(events) as project:
        _, before = bench.run(project)
        again = [bench.run(project) for _ in range(5)]
    if any(report["generation"] != before["generation"] for _, report in again):
        raise Failed("a run with nothing new published a generation")
    yield Result("pipeline/nothing_new/seconds", median_seconds([finished for finished, _ in again]), "s", "< 0.2", "1 million events, all known")


@benchmark("pipeline/5M")
def pipeline_increment(bench):
    old, new = bench.size(5_000_000), bench.size(50_000)
    events, more = bench.folder / "old.ndjson", bench.folder / "new.ndjson"
    split(bench.events(old + new, 0.05), old, events, more)
    full, increment = [], []
    for _ in range(bench.options.rounds):
        with bench.project(events) as project:
            full.append(bench.run(project)[0])
            bench.add_events(project, more)
            finished, report = bench.run(project)
            check_received(report, old + new)
            increment.append(finished)
    yield Result("pipeline/5M/ratio_of_1_percent_more", median_seconds(increment) / median_seconds(full), "ratio", "<= 0.1",
                 f"the full run's {median_seconds(full):.2f} s")


def split(whole, lines, head, tail):
    """The first lines of a file to one file, the others to another; the file itself is removed."""
    with whole.open("rb") as source, head.open("wb") as first, tail.open("wb") as second:
        for number, line in enumerate(source):
            (first if number < lines else second).write(line)
    whole.unlink()
