"""What goes wrong says so in one line with a hint, ends with the right code, and loses nothing."""
import contextlib
import gzip
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import time

import pytest

import conftest
from events import line, ndjson

FIRST = ndjson(*(line(f"e{number}") for number in range(100)))
MORE = ndjson(*(line(f"more{number}") for number in range(100)))

# Root may read and write everything; without capabilities it is held to the permissions as anyone is.
WITHOUT_PRIVILEGES = ("setpriv", "--inh-caps=-all", "--bounding-set=-all") if os.geteuid() == 0 else ()


@pytest.fixture(scope="module")
def template(tarn, run_report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("template") / "telecom"
    tarn("init", folder)
    (folder / "events" / "a.ndjson").write_bytes(FIRST)
    run_report(folder)
    return folder


@pytest.fixture
def published(template, tmp_path):
    """A project with one generation and 100 events in events/a.ndjson."""
    return shutil.copytree(template, tmp_path / "telecom")


def fingerprint(path):
    return path.stat().st_ino, hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def unchanged(path):
    before = fingerprint(path)
    yield
    assert fingerprint(path) == before, f"{path} changed"


def assert_fails(done, code, *fragments):
    """One line says what and where, one what to do; standard output has no word of it."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    errors = [text for text in done.stderr.splitlines() if text.startswith("tarn: error: ")]
    assert len(errors) == 1, done.stderr
    for fragment in fragments:
        assert str(fragment) in done.stderr
    assert re.search(r"^  hint: \S", done.stderr, re.M), done.stderr
    assert "INTERNAL" not in done.stderr


def assert_kept(done, *fragments):
    """--or-keep: the same words as a warning, and success."""
    assert done.returncode == 0, done.stderr
    assert "tarn: warning: " in done.stderr
    for fragment in fragments:
        assert str(fragment) in done.stderr


# --- the project ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("command", ["run", "validate", "status", "query", "quarantine", "serve", "verify", "generations"])
def test_no_such_project(tarn, tmp_path, command):
    words = {"query": ["SELECT 1"], "quarantine": ["list"]}.get(command, [])
    assert_fails(tarn(command, "-C", tmp_path / "nowhere", *words, check=False), 2, tmp_path / "nowhere")


def test_folder_without_tarn_yaml(tarn, tmp_path):
    assert_fails(tarn("run", "-C", tmp_path, check=False), 2, "tarn.yaml", "tarn init")


def test_bad_yaml_names_file_and_line(tarn, published):
    (published / "tarn.yaml").write_text("name: telecom\nsource: [unclosed\n")
    with unchanged(published / "telecom.duckdb"):
        done = tarn("run", "-C", published, check=False)
    assert done.returncode == 2
    assert re.search(r"tarn\.yaml:[23]", done.stderr), done.stderr


def test_bad_sql_names_file_and_line(tarn, published):
    (published / "gold" / "broken.sql").write_text("/*\nkind: gold\n*/\nSELECT *\nFROM no_such_table\n")
    with unchanged(published / "telecom.duckdb"):
        done = tarn("run", "-C", published, check=False)
    assert done.returncode == 2
    assert re.search(r"gold/broken\.sql:5", done.stderr) and "no_such_table" in done.stderr, done.stderr


def test_init_never_overwrites(tarn, project):
    tarn("init", project)  # nothing in it was changed
    (project / "tarn.yaml").write_text("name: mine\n")
    with unchanged(project / "tarn.yaml"):
        assert_fails(tarn("init", project, check=False), 2, project)


@pytest.mark.parametrize("args", [["--no-such-option"], ["--from"], ["--from", "a", "b"]])
def test_wrong_command_line(tarn, project, args):
    assert_fails(tarn("run", "-C", project, *args, check=False), 2)


# --- the source -----------------------------------------------------------------------------------------------------

def shortened(file):
    file.write_bytes(FIRST[: len(FIRST) // 2])


def changed_before_the_position(file):
    content = bytearray(FIRST)
    content[len(FIRST) - 50] ^= 1
    file.write_bytes(bytes(content) + MORE)


@pytest.mark.parametrize("damage, words", [(shortened, "shorter"), (changed_before_the_position, "changed")])
def test_a_damaged_source_is_named(tarn, published, damage, words):
    file = published / "events" / "a.ndjson"
    damage(file)
    with unchanged(published / "telecom.duckdb"):
        assert_fails(tarn("run", "-C", published, check=False), 3, file.name, words)
        assert_kept(tarn("run", "-C", published, "--or-keep", check=False), file.name)


def test_an_emptied_file_is_named(tarn, project, run_report):
    file = project / "events" / "a.ndjson"
    file.write_bytes(FIRST)
    run_report(project)
    file.write_bytes(b"")
    assert_fails(tarn("run", "-C", project, check=False), 3, file, "shorter")


def test_an_absent_file(tarn, published, tmp_path):
    missing = tmp_path / "missing.ndjson"
    with unchanged(published / "telecom.duckdb"):
        assert_fails(tarn("run", "-C", published, "--from", missing, check=False), 3, missing)
        assert_kept(tarn("run", "-C", published, "--from", missing, "--or-keep", check=False), missing)


def test_a_folder_for_a_file(tarn, published):
    assert_fails(tarn("run", "-C", published, "--from", published / "events", check=False), 3, published / "events")


def test_or_keep_needs_something_to_keep(tarn, project, tmp_path):
    assert_fails(tarn("run", "-C", project, "--from", tmp_path / "missing.ndjson", "--or-keep", check=False), 3, "missing.ndjson")
    assert not (project / "telecom.duckdb").exists()


@pytest.mark.parametrize("name, content", [("cut.ndjson.gz", gzip.compress(MORE)[:-20]), ("plain.ndjson.gz", MORE), ("plain.ndjson.zst", MORE)],
                         ids=["cut.gz", "plain.gz", "plain.zst"])
def test_a_broken_archive(tarn, published, name, content):
    (published / "events" / name).write_bytes(content)
    with unchanged(published / "telecom.duckdb"):
        assert_fails(tarn("run", "-C", published, check=False), 3, name)


def test_an_unreadable_file(tarn, published):
    secret = published / "events" / "secret.ndjson"
    secret.write_bytes(MORE)
    secret.chmod(0)
    with unchanged(published / "telecom.duckdb"):
        assert_fails(tarn("run", "-C", published, check=False, prefix=WITHOUT_PRIVILEGES), 3, "secret.ndjson", "Permission denied")


def test_after_the_damage_is_mended_nothing_is_missing(tarn, published, run_report):
    file = published / "events" / "a.ndjson"
    shortened(file)
    assert tarn("run", "-C", published, check=False).returncode == 3
    file.write_bytes(FIRST + MORE)
    assert run_report(published)["counts"]["bronze"] == 200


# --- the other writer -----------------------------------------------------------------------------------------------

@contextlib.contextmanager
def running_writer(project):
    """A `tarn run` that waits for standard input -> its process; ends when its input is closed."""
    lock = project / "telecom.duckdb.d" / "lock"
    process = subprocess.Popen([conftest.program(), "run", "-C", str(project), "--from", "-"], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=conftest.clean_environment())
    try:
        deadline = time.monotonic() + conftest.TIMEOUT
        while not (lock.exists() and str(process.pid) in lock.read_text()):
            assert process.poll() is None and time.monotonic() < deadline, "the first writer took no lock"
            time.sleep(0.01)  # how often the lock is looked at
        yield process
    finally:
        process.communicate(timeout=conftest.TIMEOUT)


def test_a_second_writer_is_told_who_holds_the_lock(tarn, published, rows):
    with running_writer(published) as first:
        (published / "events" / "b.ndjson").write_bytes(MORE)
        with unchanged(published / "telecom.duckdb"):
            assert_fails(tarn("run", "-C", published, check=False), 75, f"pid {first.pid}")
            assert_kept(tarn("run", "-C", published, "--or-keep", check=False), f"pid {first.pid}")
        assert rows(published, "SELECT count(*) AS n FROM bronze_raw_events") == [{"n": 100}]  # readers are not disturbed
        first.stdin.write(ndjson(line("from stdin")))
    assert first.returncode == 0
    assert rows(published, "SELECT count(*) AS n FROM bronze_raw_events") == [{"n": 101}]


def test_a_dead_writers_lock_is_free(published, run_report):
    with running_writer(published) as first:
        first.kill()
        first.wait()
    (published / "events" / "b.ndjson").write_bytes(MORE)
    assert run_report(published)["counts"]["bronze"] == 200


# --- the published file ---------------------------------------------------------------------------------------------

def no_database(content):
    return b"this is no database\n" * 1000


def cut_in_half(content):
    return content[: len(content) // 2]


def flipped_bits(content):
    return content[:4096] + bytes(byte ^ 0xFF for byte in content[4096:12288]) + content[12288:]


def newer_storage_version(content):
    """DuckDB's main header: a checksum over the words that follow, "DUCK", the storage version."""
    checksum, header = 5381, content[8:12] + struct.pack("<Q", 999) + content[20:4096]
    for (word,) in struct.iter_unpack("<Q", header):
        checksum ^= word * 0xBF58476D1CE4E5B9 % 2**64
    return struct.pack("<Q", checksum) + header + content[4096:]


DAMAGES = [no_database, cut_in_half, flipped_bits, newer_storage_version]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("args", [["run"], ["status"], ["quarantine", "list"], ["verify"]], ids=lambda args: args[0])
def test_a_damaged_database_is_refused_and_left_alone(tarn, published, damage, args):
    database = published / "telecom.duckdb"
    content = damage(database.read_bytes())
    database.chmod(0o644)
    database.write_bytes(content)
    (published / "events" / "b.ndjson").write_bytes(MORE)
    with unchanged(database):
        done = tarn(args[0], "-C", published, *args[1:], check=False)
    assert_fails(done, 5, database)
    if damage is newer_storage_version:
        assert "newer" in done.stderr


def test_nothing_published_yet(tarn, project):
    for args in (["query", "SELECT 1"], ["quarantine", "list"], ["verify"]):
        assert_fails(tarn(args[0], "-C", project, *args[1:], check=False), 5, "telecom.duckdb", "tarn run")


def test_a_read_only_folder(tarn, new_project, run_report, tmp_path):
    project, folder = new_project(), tmp_path / "data"
    folder.mkdir()
    env = {"DB_PATH": str(folder / "telecom.duckdb")}
    (project / "events" / "a.ndjson").write_bytes(FIRST)
    run_report(project, env=env)
    (project / "events" / "b.ndjson").write_bytes(MORE)
    folder.chmod(0o555)
    with unchanged(folder / "telecom.duckdb"):
        assert_fails(tarn("run", "-C", project, env=env, check=False, prefix=WITHOUT_PRIVILEGES), 5, folder)
    folder.chmod(0o755)
    assert run_report(project, env=env)["counts"]["bronze"] == 200


def test_a_read_only_folder_before_the_first_run(tarn, project, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o555)
    (project / "events" / "a.ndjson").write_bytes(FIRST)
    done = tarn("run", "-C", project, env={"DB_PATH": str(folder / "t.duckdb")}, check=False, prefix=WITHOUT_PRIVILEGES)
    assert_fails(done, 5, folder)


@pytest.fixture
def small_disk(tmp_path):
    """small_disk(bytes) -> folder on a file system of that size."""
    mounts = []

    def mount(size):
        folder = tmp_path / f"disk{len(mounts)}"
        folder.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True).returncode != 0:
            pytest.skip("cannot mount a small tmpfs here")
        mounts.append(folder)
        return folder

    yield mount
    for folder in mounts:
        subprocess.run(["umount", folder], check=True)


def test_no_space(tarn, project, small_disk, run_report):
    folder = small_disk(16 << 20)
    env = {"DB_PATH": str(folder / "telecom.duckdb")}
    (project / "events" / "a.ndjson").write_bytes(FIRST)
    run_report(project, env=env)
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(b"x" * 65536):
            pass
    (project / "events" / "b.ndjson").write_bytes(MORE)
    with unchanged(folder / "telecom.duckdb"):
        assert_fails(tarn("run", "-C", project, env=env, check=False), 5, folder, "space")
    filler.unlink()
    assert run_report(project, env=env)["counts"]["bronze"] == 200


def test_the_disk_fills_up_during_a_run(tarn, project, small_disk, run_report, rows):
    folder = small_disk(24 << 20)
    env = {"DB_PATH": str(folder / "telecom.duckdb")}
    (project / "events" / "a.ndjson").write_bytes(FIRST)
    run_report(project, env=env)
    incompressible = (os.urandom(24).hex() for _ in iter(int, 1))
    (project / "events" / "b.ndjson").write_bytes(ndjson(*(line(next(incompressible), pad=os.urandom(500).hex()) for _ in range(40_000))))
    with unchanged(folder / "telecom.duckdb"):
        assert_fails(tarn("run", "-C", project, env=env, check=False), 5, "space")
    assert rows(project, "SELECT count(*) AS n FROM bronze_raw_events", env=env) == [{"n": 100}]


# --- how it is said -------------------------------------------------------------------------------------------------

def test_errors_as_json_lines(tarn, published, tmp_path):
    done = tarn("run", "-C", published, "--from", tmp_path / "missing.ndjson", "--log", "json", check=False)
    lines = [json.loads(text) for text in done.stderr.splitlines()]
    errors = [entry for entry in lines if entry.get("level") == "error"]
    assert [entry["code"] for entry in errors] == [3]
    assert "missing.ndjson" in errors[0]["message"] and errors[0]["hint"]
