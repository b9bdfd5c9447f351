"""`tarn run --every`: stays up, publishes what comes, leaves the lock to others between two runs, ends cleanly when told to."""
import contextlib
import subprocess
import time

import pytest

import conftest
from events import line, ndjson


def wait_for(condition, process):
    deadline = time.monotonic() + conftest.TIMEOUT
    while not condition():
        assert process.poll() is None, f"ended with {process.returncode}: {process.stderr.read().decode(errors='replace')}"
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)  # how often it is looked at


@contextlib.contextmanager
def scheduled(project, every):
    process = subprocess.Popen([conftest.program(), "run", "-C", str(project), "--every", every, "--log", "json"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=conftest.clean_environment())
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def stop(process):
    process.terminate()
    process.communicate(timeout=conftest.TIMEOUT)
    return process.returncode


def test_between_two_runs_it_stops_at_once_and_the_lock_is_free(project, run_report, rows):
    (project / "events" / "a.ndjson").write_bytes(ndjson(line("a")))
    with scheduled(project, "1h") as process:
        wait_for((project / "telecom.duckdb").exists, process)
        (project / "events" / "b.ndjson").write_bytes(ndjson(line("b")))
        assert run_report(project, "--or-keep")["status"] in ("published", "unchanged", "failed")
        assert process.poll() is None
        assert stop(process) == 0
    run_report(project)
    assert rows(project, "SELECT event_id FROM bronze_raw_events ORDER BY seq") == [{"event_id": "a"}, {"event_id": "b"}]


def test_what_comes_later_is_published(project, rows):
    settings = project / "tarn.yaml"
    settings.write_text(settings.read_text().replace("min_interval: 60s", "min_interval: 100ms"))
    (project / "events" / "a.ndjson").write_bytes(ndjson(line("a")))
    with scheduled(project, "100ms") as process:
        wait_for((project / "telecom.duckdb").exists, process)
        (project / "events" / "b.ndjson").write_bytes(ndjson(line("b")))
        wait_for(lambda: len(rows(project, "SELECT 1 FROM bronze_raw_events")) == 2, process)
        assert stop(process) == 0


def test_told_to_end_in_the_middle_of_a_run(project, tarn, run_report):
    """Whatever moment the signal meets, the file is whole and the next run completes it."""
    tarn("generate", "--events", "50000", "--out", project / "events" / "big.ndjson")
    lock = project / "telecom.duckdb.d" / "lock"
    with scheduled(project, "1h") as process:
        wait_for(lambda: lock.exists() and str(process.pid) in lock.read_text(), process)
        assert stop(process) == 0
    assert not (project / "telecom.duckdb.d" / "work.duckdb").exists()
    assert run_report(project)["counts"]["received"] >= 50_000
    tarn("verify", "-C", project)


@pytest.mark.parametrize("every", ["soon", "-1h", ""])
def test_an_interval_that_is_none(project, tarn, every):
    done = tarn("run", "-C", project, "--every", every, check=False)
    assert done.returncode == 2 and "hint: " in done.stderr
