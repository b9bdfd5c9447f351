"""Whatever stops `tarn rebuild`, what was published stays whole until the rebuilt lakehouse is in its place, and the next rebuild ends as an
undisturbed one. Stopped by: SIGKILL and a full disk at every fault point that it passes, and SIGKILL at seeded random moments."""
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
POINTS = [name for name in ALL_POINTS if not re.match(r"archive|clone.done", name)]  # the work file is no clone
RANDOM_KILLS = 100 if os.environ.get("TARN_SOAK") else 5
SEED = 20260103
PUBLISHED = ("publish.renamed", "publish.done")
CONTENT = """SELECT (SELECT max(generation) FROM tarn.generations) AS generation, (SELECT sum(next_offset) FROM tarn.positions) AS positions,
  (SELECT list((table_name, row_count, content_hash) ORDER BY table_name)::VARCHAR FROM tarn.table_states
   WHERE generation = (SELECT max(generation) FROM tarn.generations)) AS tables"""


class Lakehouse:
    """A database of its own beside a project and an archive that all tests share."""

    def __init__(self, shared, database):
        self.shared, self.database = shared, database

    def start(self, *command, fault=""):
        return subprocess.Popen([program(), *map(str, command), "-C", str(self.shared / "project")], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=clean_environment({"TARN_FAULT": fault, "DB_PATH": str(self.database)}))

    def call(self, *command, fault=""):
        process = self.start(*command, fault=fault)
        out, err = process.communicate(timeout=TIMEOUT)
        return process.returncode, out, err

    def good(self, *command):
        code, out, err = self.call(*command)
        assert code == 0, err
        return out

    def rebuild(self):
        return ["rebuild", "--from", "both", "--archive", self.shared / "archive", "--replace"]

    def content(self):
        """What the published file holds; None where nothing is published."""
        return json.loads(self.good("query", "--format", "json", CONTENT))[0] if self.database.exists() else None


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A published lakehouse whose archive is a generation behind."""
    shared = tmp_path_factory.mktemp("rebuild")
    lake = Lakehouse(shared, shared / "telecom.duckdb")
    subprocess.run([program(), "init", shared / "project"], check=True, capture_output=True, env=clean_environment())
    events = shared / "project" / "events"
    events.mkdir(exist_ok=True)
    for number, name in enumerate(["a", "b"], 1):
        subprocess.run([program(), "generate", "--events", "300", "--seed", str(number), "--defects", "0.05", "--out", events / f"{name}.ndjson"],
                       check=True, capture_output=True, env=clean_environment())
        lake.good("run")
        if name == "a":
            lake.good("archive", shared / "archive")
    undisturbed = Lakehouse(shared, shared / "undisturbed.duckdb")
    begun = time.monotonic()
    undisturbed.good(*undisturbed.rebuild())
    seconds = time.monotonic() - begun
    assert undisturbed.content() == lake.content()
    undisturbed.good("verify")
    return lake, lake.content(), seconds


@pytest.fixture
def lost(template, tmp_path):
    """A lakehouse of which nothing is left."""
    return Lakehouse(template[0].shared, tmp_path / "telecom.duckdb")


@pytest.fixture
def lakehouse(template, lost):
    """A lakehouse as the template's."""
    shutil.copy(template[0].database, lost.database)
    return lost


def check_aftermath(template, lake, before):
    """As before or rebuilt, whole; then a rebuild comes to what an undisturbed one would."""
    wanted = template[1]
    found = lake.content()
    rebuilt = {**wanted, "generation": before["generation"] + 1 if before else 2}
    assert found in (before, rebuilt)
    lake.good(*lake.rebuild())
    assert {**lake.content(), "generation": 0} == {**wanted, "generation": 0}
    leftovers = [path.name for path in lake.database.with_name("telecom.duckdb.d").iterdir() if re.match(r"work|tmp|.*partial", path.name)]
    assert leftovers == []
    return found == rebuilt


@pytest.mark.parametrize("name", POINTS)
def test_killed_at_a_fault_point(template, lakehouse, name):
    before = lakehouse.content()
    code, _, err = lakehouse.call(*lakehouse.rebuild(), fault=f"{name}:kill")
    assert code == -signal.SIGKILL, f"the rebuild never came to {name}: {err}"
    assert check_aftermath(template, lakehouse, before) == (name in PUBLISHED)


@pytest.mark.parametrize("name", [name for name in POINTS if re.match("rebuild|publish", name)])
def test_killed_where_nothing_is_left(template, lost, name):
    code, _, err = lost.call(*lost.rebuild(), fault=f"{name}:kill")
    assert code == -signal.SIGKILL, f"the rebuild never came to {name}: {err}"
    assert check_aftermath(template, lost, None) == (name in PUBLISHED)


@pytest.mark.parametrize("name", POINTS)
def test_disk_full_at_a_fault_point(template, lakehouse, name):
    before = lakehouse.content()
    code, _, err = lakehouse.call(*lakehouse.rebuild(), fault=f"{name}:enospc")
    assert code == 5 and "hint: free space" in err, err
    assert check_aftermath(template, lakehouse, before) == (name in PUBLISHED)


@pytest.mark.parametrize("number", range(RANDOM_KILLS))
def test_killed_at_a_random_moment(template, lakehouse, number):
    before = lakehouse.content()
    process = lakehouse.start(*lakehouse.rebuild())
    try:
        process.communicate(timeout=random.Random(SEED + number).uniform(0, template[2]))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    check_aftermath(template, lakehouse, before)
