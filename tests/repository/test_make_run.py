"""The README's first two commands: `make run` does what it says, `make check` is what continuous integration runs."""
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest
import requests

from conftest import TIMEOUT, free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def test_shell_blocks_are_the_targets_tested_here():
    assert re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.M | re.S) == ["make run\n", "make check\n"]


def test_ci_runs_exactly_make_check():
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("\nexec make check")


class MakeRun:
    """`make run` with a folder and a port of its own."""

    def __init__(self, folder):
        self.port, self.log = free_port(), folder / "make-run.log"
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        environment = {**kept, "DEMO": str(folder / "demo"), "EVENTS": "5000", "PORT": str(self.port), "CI": "true"}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(["make", "run"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            start_new_session=True)

    def wait_ready(self):
        end = time.monotonic() + TIMEOUT
        while self.process.poll() is None and time.monotonic() < end:
            try:
                if requests.get(f"http://127.0.0.1:{self.port}/api/v1/health", timeout=TIMEOUT).ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.02)  # how often the port is asked
        pytest.fail(f"make run is not up (exit {self.process.poll()})\n{self.log.read_text(errors='replace')}")

    def stop(self):
        """Ctrl-C: the signal goes to the whole foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(TIMEOUT)


@pytest.fixture
def make_run(tmp_path):
    started = []

    def start():
        started.append(MakeRun(tmp_path))
        started[-1].wait_ready()
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()


def curl_lines(log):
    return re.findall(r"^ *(curl .*)$", log, re.M)


def test_make_run_serves_and_keeps_the_data_the_second_time(make_run, tmp_path):
    first = make_run()
    lines = curl_lines(first.log.read_text())
    assert len(lines) == 3
    for line in lines:
        answer = subprocess.run(["bash", "-c", line.replace("curl ", "curl -sf ")], capture_output=True, text=True)
        assert answer.returncode == 0 and answer.stdout.strip()[0] in "[{", f"{line}\n{answer}"
    first.stop()
    events = tmp_path / "demo" / "events" / "events.ndjson"
    before = events.stat()
    assert sum(1 for _ in events.open("rb")) >= 5000

    second = make_run()
    second.stop()
    after = events.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
