"""`tarn generate` through the front door: what is in the file, and that a file is there whole or not at all."""
import collections
import json
import re
import signal
import stat
import subprocess
import time

import pytest

from conftest import clean_environment, program

DATE_TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:\d\d)?)?")
REQUIRED = {"BSS": ("plan", "bill_amount_zmw"), "OSS": ("signal_dbm", "latency_ms"), "IoT": ("battery_pct",)}
RANGES = {"signal_dbm": (-140, -20), "latency_ms": (0, 60000), "packet_loss_pct": (0, 100), "battery_pct": (0, 100),
          "bill_amount_zmw": (0, 1e14), "data_used_mb": (0, 1e14), "days_overdue": (0, 1e14)}


def is_blank(value):
    return value is None or isinstance(value, str) and not value.strip()


def reasons(event):
    """The quality rules of the data dictionary that an event breaks, and 'uncastable'."""
    payload, kind = event.get("payload"), event.get("event_type")
    if is_blank(event.get("event_id")):
        yield "missing_event_id"
    if is_blank(event.get("subscriber_id")):
        yield "missing_subscriber"
    if not DATE_TIME.fullmatch(str(event.get("event_timestamp"))):
        yield "bad_timestamp"
    if kind not in REQUIRED:
        yield "unknown_type"
    if is_blank(event.get("source_system")):
        yield "missing_source"
    if not isinstance(payload, dict):
        yield "payload_missing"
        return
    if any(payload.get(field) is None for field in REQUIRED.get(kind, ())):
        yield "payload_incomplete"
    for field, (low, high) in RANGES.items():
        value = payload.get(field)
        if isinstance(value, (int, float)) and not low <= value <= high:
            yield "out_of_range"
        if isinstance(value, dict) or isinstance(value, str) and not value.isdigit():
            yield "uncastable"


def count(text):
    counts, ids = collections.Counter(), set()
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            counts["not an object"] += 1
            continue
        found = set(reasons(event))
        counts.update(found)
        counts["right"] += not found
        counts["repeated"] += not found and event["event_id"] in ids
        ids.add(event.get("event_id"))
    return counts


def test_every_kind_of_defect_occurs_and_most_events_are_right(tarn):
    counts = count(tarn("generate", "--events", 40000, "--out", "-").stdout)
    for reason in ("not an object", "missing_event_id", "missing_subscriber", "bad_timestamp", "unknown_type", "missing_source",
                   "payload_missing", "payload_incomplete", "out_of_range", "uncastable", "repeated"):
        assert counts[reason] > 0, reason
    assert 0.95 * 40000 < counts["right"] < 0.98 * 40000


def test_without_defects_every_event_is_right_and_sent_once(tarn):
    counts = count(tarn("generate", "--events", 20000, "--defects", 0, "--out", "-").stdout)
    assert counts == {"right": 20000, "repeated": 0}


def test_same_options_same_bytes_and_another_seed_others(tarn, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        tarn("generate", "--events", 3000, "--seed", seed, "--out", tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


def test_the_folder_is_created_and_the_summary_is_on_stderr(tarn, tmp_path):
    target = tmp_path / "deep" / "er" / "events.ndjson"
    done = tarn("generate", "--events", 1000, "--subscribers", 50, "--out", target)
    assert done.stdout == "" and "1000 events of 50 subscribers" in done.stderr
    assert target.read_bytes().count(b"\n") == 1000
    assert stat.S_IMODE(target.stat().st_mode) & 0o444 and list(target.parent.iterdir()) == [target]


def test_a_link_stays_a_link(tarn, tmp_path):
    (tmp_path / "real.ndjson").write_text("old")
    (tmp_path / "link.ndjson").symlink_to("real.ndjson")
    tarn("generate", "--events", 10, "--out", tmp_path / "link.ndjson")
    assert (tmp_path / "link.ndjson").is_symlink() and (tmp_path / "real.ndjson").read_bytes().count(b"\n") == 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_one_leaves_the_old_file_and_nothing_else(tmp_path, number):
    target = tmp_path / "events.ndjson"
    target.write_text("old")
    process = subprocess.Popen([program(), "generate", "--events", "1000000000", "--subscribers", "1000", "--out", target],
                               env=clean_environment())
    while len(list(tmp_path.iterdir())) < 2 and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(number)
    assert process.wait(60) == -number
    assert list(tmp_path.iterdir()) == [target] and target.read_text() == "old"


@pytest.mark.parametrize("arguments, code, message", [
    (("--events", "0", "--out", "-"), 2, "--events 0 is out of range"),
    (("--defects", "5", "--out", "-"), 2, "--defects 5 is out of range"),
    (("--start", "tomorrow", "--out", "-"), 2, "--start 'tomorrow' is no date"),
    (("here.ndjson",), 2, "no argument 'here.ndjson'"),
    (("--colour",), 2, "--colour"),
    (("--out", "/dev/full"), 5, "cannot write to /dev/full"),
    (("--out", "/proc/x/y"), 5, "cannot create the folder /proc/x"),
])
def test_errors_have_one_line_and_a_hint(tarn, arguments, code, message):
    done = tarn("generate", *arguments, check=False)
    assert done.returncode == code and message in done.stderr and "hint:" in done.stderr
