"""Whatever stops `tarn archive`, the archive verifies, and the next one brings it to where an undisturbed one would be. Stopped by: SIGKILL at every
fault point and at seeded random moments, a full disk at every fault point and on a real small file system. One volume has no rename."""
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

POINTS = [name for name in re.findall(r'TARN_FAULT_POINT\("(.+?)"\)', (ROOT / "src" / "base" / "fault_points.h").read_text())
          if name.startswith("archive.")]
RANDOM_KILLS = 100 if os.environ.get("TARN_SOAK") else 10
SEED = 20260102


def start(*command, fault=""):
    return subprocess.Popen([program(), *map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env=clean_environment({"TARN_FAULT": fault}))


def call(*command, fault=""):
    process = start(*command, fault=fault)
    out, err = process.communicate(timeout=TIMEOUT)
    return process.returncode, out, err


def good(*command):
    code, out, err = call(*command)
    assert code == 0, err
    return out


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A project whose first generation is archived and whose second is not."""
    folder = tmp_path_factory.mktemp("archive")
    project = folder / "project"
    good("init", project)
    (project / "events").mkdir(exist_ok=True)
    for number, name in enumerate(["a", "b"], 1):
        good("generate", "--events", 20_000, "--seed", number, "--defects", 0.05, "--out", project / "events" / f"{name}.ndjson")
        good("run", "-C", project)
        if name == "a":
            good("archive", "-C", project, folder / "before")
    shutil.copytree(folder / "before", folder / "after")
    begun = time.monotonic()
    good("archive", "-C", project, folder / "after")
    return folder, project, time.monotonic() - begun


def state(archive):
    """(what --verify says of a whole archive but for its number, names of its data files)."""
    found = json.loads(good("archive", "--verify", "--json", archive))
    files = sorted(path.relative_to(archive).as_posix() for path in archive.rglob("*.parquet"))
    return {key: found[key] for key in ("generation", "files", "rows")}, [re.sub(r"\.a\d+\.", ".", name) for name in files]


def check_aftermath(template, archive):
    folder, project, _ = template
    found, _ = state(archive)
    assert found in (state(folder / "before")[0], state(folder / "after")[0])
    good("archive", "-C", project, archive)
    assert state(archive) == state(folder / "after")
    leftovers = [path.name for path in archive.rglob("*.tmp")]
    assert leftovers == [] and len(list(archive.glob("manifest-*.json"))) == 2


@pytest.fixture
def archive(template, tmp_path):
    return shutil.copytree(template[0] / "before", tmp_path / "archive")


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.parametrize("pass_number", [1, 2])
def test_killed_at_a_fault_point(template, archive, name, pass_number):
    code, _, err = call("archive", "-C", template[1], archive, fault=f"{name}:kill:{pass_number}")
    once = name in ("archive.manifest", "archive.manifested")
    assert code == (0 if once and pass_number == 2 else -signal.SIGKILL), f"archive never came to {name}: {err}"
    check_aftermath(template, archive)


@pytest.mark.parametrize("name", POINTS)
def test_the_first_archive_killed(template, tmp_path, name):
    archive = tmp_path / "archive"
    assert call("archive", "-C", template[1], archive, fault=f"{name}:kill")[0] == -signal.SIGKILL
    good("archive", "-C", template[1], archive)
    assert state(archive)[0]["rows"] == state(template[0] / "after")[0]["rows"]


@pytest.mark.parametrize("name", [name for name in POINTS if name != "archive.rename"])
def test_disk_full_at_a_fault_point(template, archive, name):
    code, _, err = call("archive", "-C", template[1], archive, fault=f"{name}:enospc")
    assert code == 5 and "hint: free space" in err, err
    check_aftermath(template, archive)


@pytest.mark.parametrize("number", range(RANDOM_KILLS))
def test_killed_at_a_random_moment(template, archive, number):
    moment = random.Random(SEED + number).uniform(0, template[2])
    process = start("archive", "-C", template[1], archive)
    try:
        process.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    check_aftermath(template, archive)


def test_a_volume_without_rename(template, archive):
    """Every rename fails: the data files' and the manifest's."""
    fault = ",".join(f"archive.rename:error:{number}" for number in range(1, 10))
    code, _, err = call("archive", "-C", template[1], archive, fault=fault)
    assert code == 0, err
    assert state(archive) == state(template[0] / "after")


def test_a_volume_without_rename_killed_before_the_manifest(template, archive):
    fault = ",".join(f"archive.rename:error:{number}" for number in range(1, 10))
    assert call("archive", "-C", template[1], archive, fault=f"{fault},archive.manifest:kill")[0] == -signal.SIGKILL
    check_aftermath(template, archive)


@pytest.mark.parametrize("share", [1.05, 1.3, 1.7, 1.98])
def test_a_disk_that_is_really_full(template, small_disk, share):
    folder, project, _ = template
    size = sum(path.stat().st_size for path in (folder / "before").rglob("*") if path.is_file())
    disk = small_disk(int(size * share) + 40960)
    archive = shutil.copytree(folder / "before", disk / "archive")
    code, _, err = call("archive", "-C", project, archive)
    assert code == 0 or (code == 5 and "hint:" in err), err
    small_disk(size * 20)
    check_aftermath(template, archive)


def test_two_at_a_time_do_not_disturb_each_other(template, archive):
    first, second = (start("archive", "-C", template[1], archive) for _ in range(2))
    for process in (first, second):
        _, err = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0 or (process.returncode == 75 and "another process writes" in err), err
    assert 0 in (first.returncode, second.returncode)
    check_aftermath(template, archive)
