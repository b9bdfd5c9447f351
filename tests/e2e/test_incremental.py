"""Incremental equals full: random streams with defects and duplicates, split at random into runs, give what one run over everything gives."""
import os
import random

import pytest

import events

DEFECTS = [
    lambda r: b"not json",
    lambda r: b"",
    lambda r: b'{"event_id": "\xff"}',
    lambda r: b'{"a": "\\ud800"}',
    lambda r: events.line(subscriber_id=""),
    lambda r: events.line(event_timestamp="yesterday"),
    lambda r: events.line(event_id=" "),
    lambda r: events.line(event_id=r.randrange(5)),
    lambda r: events.line(f"e{r.randrange(200)}", "BSS", {"data_used_mb": "lots"}),
    lambda r: events.line(f"e{r.randrange(200)}", "OSS", {"signal_dbm": 40}, extra={"a": [1, None]}),
    lambda r: events.line(f"e{r.randrange(200)}", "XYZ"),
    lambda r: events.line(f"e{r.randrange(200)}", "IoT", payload={"battery_pct": None}),
]


def sane(r):
    kind = r.choice(["BSS", "OSS", "IoT"])
    payload = {"BSS": {"plan": r.choice(["s", "m", "l"]), "bill_amount_zmw": round(r.uniform(0, 900), 2), "days_overdue": r.randrange(60),
                       "payment_status": r.choice(["paid", "pending", "overdue"])},
               "OSS": {"signal_dbm": -r.randrange(30, 120), "latency_ms": r.randrange(400), "packet_loss_pct": round(r.uniform(0, 9), 2)},
               "IoT": {"battery_pct": r.randrange(101)}}[kind]
    return events.line(f"e{r.randrange(200)}", kind, payload, subscriber_id=f"{r.choice(['sub', 'SUB'])}-{r.randrange(12)}",
                       event_timestamp=f"2026-01-{r.randrange(1, 29):02}T{r.randrange(24):02}:00:00{r.choice(['', 'Z', '+02:00'])}")


def stream(seed):
    """300 lines: every fifth is a defect, and ids are drawn from few, so that many events come twice, within runs and across them."""
    r = random.Random(seed)
    return [r.choice(DEFECTS)(r) if r.random() < 0.2 else sane(r) for _ in range(300)]


def runs(seed, lines):
    """The lines cut into 3 to 6 runs of consecutive lines."""
    r = random.Random(-seed)
    cuts = sorted(r.sample(range(1, len(lines)), r.randint(2, 5)))
    return [lines[start:end] for start, end in zip([0, *cuts], [*cuts, len(lines)])]


@pytest.mark.parametrize("seed", range(1, 100 if "TARN_SOAK" in os.environ else 5))
def test_incremental_equals_full(new_project, tarn, run_report, rows, seed):
    lines = stream(seed)
    at_once, piecewise = new_project("at-once"), new_project("piecewise")

    (at_once / "events" / "all.ndjson").write_bytes(events.ndjson(*lines))
    run_report(at_once)

    r = random.Random(seed)
    for number, part in enumerate(runs(seed, lines)):
        name = r.choice(["growing.ndjson", f"part-{number}.ndjson"])
        with (piecewise / "events" / name).open("ab") as file:
            file.write(events.ndjson(*part))
        run_report(piecewise)

    incremental = events.contents(rows, piecewise)
    assert incremental == events.contents(rows, at_once)
    assert incremental["refused"] and incremental["duplicates"] and incremental["gold"]
    events.counts(rows, piecewise)

    run_report(piecewise, "--full-refresh")
    assert events.contents(rows, piecewise) == incremental
    for project in (piecewise, at_once):
        tarn("verify", "-C", project)


def test_input_of_many_batches_keeps_its_order(new_project, tarn, run_report, rows, tmp_path):
    """Batches are scanned by several threads at once; seq, duplicates and what depends on them still follow the input."""
    whole = tmp_path / "events.ndjson"
    tarn("generate", "--events", "40000", "--subscribers", "500", "--defects", "0.2", "--out", whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    shuffled = lines + random.Random(1).sample(lines, 8000)  # many events twice, far apart
    cuts = [0, 1, 30_000, 30_001, len(shuffled)]

    at_once, piecewise = new_project("at-once"), new_project("piecewise")
    (at_once / "events" / "all.ndjson").write_bytes(b"".join(shuffled))
    report = run_report(at_once)
    assert report["run_counts"]["duplicates"] > 5000
    for number, (start, end) in enumerate(zip(cuts, cuts[1:])):
        (piecewise / "events" / f"{number}.ndjson").write_bytes(b"".join(shuffled[start:end]))
        run_report(piecewise)

    assert events.digests(rows, piecewise) == events.digests(rows, at_once)
    out_of_order = "SELECT count(*) AS n FROM bronze_raw_events a JOIN bronze_raw_events b ON b.seq = a.seq + 1 WHERE b.source_offset < a.source_offset"
    assert rows(at_once, out_of_order) == [{"n": 0}]
    tarn("verify", "-C", piecewise)
