"""Crash safety. Whatever stops a run, the published file is generation N or N+1, whole, and the next run ends in the same content as an
undisturbed one. Stopped by: SIGKILL at every named fault point and at seeded random moments, a full disk at every fault point and on a real
small file system. TARN_SOAK=1 kills a hundred times at random instead of ten."""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

import pytest

from conftest import ROOT, TIMEOUT, clean_environment, program

ALL_POINTS = re.findall(r'TARN_FAULT_POINT\("(.+?)"\)', (ROOT / "src" / "base" / "fault_points.h").read_text())
FAULT_POINTS = [name for name in ALL_POINTS if not re.match(r"archive|rebuild", name)]  # those that a run passes
ROLLBACK_POINTS = [name for name in FAULT_POINTS if re.match(r"lock|clone|publish", name)]
FIRST_RUN_POINTS = [name for name in FAULT_POINTS if re.match(r"commit|checkpoint|publish", name)]
RANDOM_KILLS = 100 if os.environ.get("TARN_SOAK") else 10
SEED = 20260101

CONTENT = """SELECT (SELECT max(generation) FROM tarn.generations) AS generation,
  (SELECT {count_and_hash} FROM (SELECT * EXCLUDE (ingested_at, seq, source_name) FROM bronze_raw_events) t) AS bronze,
  (SELECT {count_and_hash} FROM (SELECT * EXCLUDE (ingested_at, seq) FROM silver_clean_events) t) AS silver,
  (SELECT {count_and_hash} FROM gold_subscriber_features t) AS gold,
  (SELECT {count_and_hash} FROM (SELECT layer, reasons, source_offset FROM tarn.quarantine) t) AS quarantine,
  (SELECT sum(next_offset) FROM tarn.positions) AS positions""".replace("{count_and_hash}", "concat(count(*), ' ', sum(hash(t::VARCHAR)))")


class Lakehouse:
    """A project in a folder of its own, of which only the database may be elsewhere."""

    def __init__(self, folder, database=None):
        self.folder, self.database = folder, database or folder / "telecom.duckdb"
        self.environment = {"DB_PATH": str(self.database), "TARN_THREADS": "2"}

    def start(self, *command, fault=""):
        return subprocess.Popen([program(), *map(str, command), "-C", str(self.folder)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=clean_environment({**self.environment, "TARN_FAULT": fault}))

    def call(self, *command, fault=""):
        process = self.start(*command, fault=fault)
        out, err = process.communicate(timeout=TIMEOUT)
        return process.returncode, out, err

    def content(self):
        """What the published file holds; None where nothing is published."""
        if not self.database.exists():
            return None
        code, out, err = self.call("query", "--format", "json", CONTENT)
        assert code == 0, err
        return json.loads(out)[0]

    def run(self):
        code, _, err = self.call("run")
        assert code == 0, err
        return self.content()


def rows_of(content):
    return {key: value for key, value in content.items() if key != "generation"}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """states[0]: nothing published; states[1]: after a first run; states[2]: after a second one. Kept as folders to copy."""
    folder = tmp_path_factory.mktemp("crash") / "template"
    lakehouse = Lakehouse(folder)
    subprocess.run([program(), "init", folder], check=True, capture_output=True, env=clean_environment())
    (folder / "events").mkdir(exist_ok=True)
    subprocess.run([program(), "generate", "--events", "4000", "--subscribers", "1000", "--seed", "7", "--defects", "0.05", "--out",
                    folder / "all.ndjson"], check=True, capture_output=True, env=clean_environment())
    lines = (folder / "all.ndjson").read_bytes().splitlines(keepends=True)
    (folder / "all.ndjson").unlink()
    (folder / "events" / "a.ndjson").write_bytes(b"".join(lines[:2000]))
    shutil.copytree(folder, folder.parent / "0")
    first = lakehouse.run()
    (folder / "events" / "b.ndjson").write_bytes(b"".join(lines[2000:]))
    shutil.copytree(folder, folder.parent / "1")
    start = time.monotonic()
    second = lakehouse.run()
    return {"folder": folder.parent, "states": [None, first, second], "seconds": time.monotonic() - start}


@pytest.fixture
def lakehouse(template, tmp_path):
    """lakehouse(1) -> a copy of the template whose next run makes generation 2."""

    def copy(generation, database=None):
        folder = tmp_path / "lakehouse"
        shutil.copytree(template["folder"] / str(generation), folder)
        return Lakehouse(folder, database)

    return copy


def check_aftermath(lakehouse, before, after):
    """N or N+1 exactly; then an ordinary run comes to the content of an undisturbed one."""
    found = lakehouse.content()
    assert found in (before, after)
    assert rows_of(lakehouse.run()) == rows_of(after)
    leftovers = [path.name for path in (lakehouse.database.parent / "telecom.duckdb.d").iterdir() if re.match(r"work|tmp|.*partial", path.name)]
    assert leftovers == []
    return found


@pytest.mark.parametrize("name", FAULT_POINTS)
def test_killed_at_a_fault_point(template, lakehouse, name):
    lake = lakehouse(1)
    code, _, err = lake.call("run", fault=f"{name}:kill")
    assert code == -signal.SIGKILL, f"the run never came to {name}: {err}"
    found = check_aftermath(lake, *template["states"][1:])
    assert (found == template["states"][2]) == (name in ("publish.renamed", "publish.done"))


@pytest.mark.parametrize("name", FIRST_RUN_POINTS)
def test_killed_in_the_first_run(template, tmp_path, name):
    folder = tmp_path / "lakehouse"
    shutil.copytree(template["folder"] / "0", folder)
    lake = Lakehouse(folder)
    assert lake.call("run", fault=f"{name}:kill")[0] == -signal.SIGKILL
    assert lake.content() in template["states"][:2]
    assert lake.run() == template["states"][1]


@pytest.mark.parametrize("name", FAULT_POINTS)
def test_disk_full_at_a_fault_point(template, lakehouse, name):
    lake = lakehouse(1)
    code, _, err = lake.call("run", fault=f"{name}:enospc")
    assert code == 5 and "hint: free space" in err, err
    check_aftermath(lake, *template["states"][1:])


@pytest.mark.parametrize("number", range(RANDOM_KILLS))
def test_killed_at_a_random_moment(template, lakehouse, number):
    lake = lakehouse(1)
    moment = random.Random(SEED + number).uniform(0, template["seconds"])
    process = lake.start("run")
    try:
        process.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    check_aftermath(lake, *template["states"][1:])


@pytest.mark.parametrize("name", ROLLBACK_POINTS)
def test_rollback_killed_at_a_fault_point(template, lakehouse, name):
    lake = lakehouse(1)
    second = lake.run()
    assert lake.call("rollback", fault=f"{name}:kill")[0] == -signal.SIGKILL
    found = lake.content()
    assert found == second or found == {**template["states"][1], "generation": 3}
    if found == second:
        assert lake.call("rollback")[0] == 0
    assert rows_of(lake.content()) == rows_of(template["states"][1])
    assert lake.call("run", "--resume")[0] == 0
    assert rows_of(lake.content()) == rows_of(second)


@pytest.mark.parametrize("share", [1.6, 2.29, 2.32, 2.4, 2.7, 3.0, 3.3, 4.0])
def test_disk_that_is_really_full(template, lakehouse, small_disk, share):
    """A disk of `share` times the published file: too small for the check before the run, for the clone's growth, for spilling, or enough."""
    published = template["folder"] / "1" / "telecom.duckdb"
    disk = small_disk(int(published.stat().st_size * share))
    lake = lakehouse(1, disk / "telecom.duckdb")
    shutil.copy(published, lake.database)
    code, _, err = lake.call("run")
    assert code == 0 or (code == 5 and "hint:" in err and "free" in err), err
    assert lake.content() == template["states"][2 if code == 0 else 1]
    small_disk(published.stat().st_size * 20)
    check_aftermath(lake, *template["states"][1:])


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 1.2])
def test_disk_that_is_too_small_for_the_first_run(template, tmp_path, small_disk, share):
    size = (template["folder"] / "1" / "telecom.duckdb").stat().st_size
    folder = tmp_path / "lakehouse"
    shutil.copytree(template["folder"] / "0", folder)
    lake = Lakehouse(folder, small_disk(int(size * share)) / "telecom.duckdb")
    code, _, err = lake.call("run")
    assert code == 0 or (code == 5 and "hint:" in err and "free" in err), err
    assert lake.content() == template["states"][1 if code == 0 else 0]
    small_disk(size * 20)
    assert lake.run() == template["states"][1]
