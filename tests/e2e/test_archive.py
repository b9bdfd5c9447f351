"""`tarn archive`: what cannot be computed again, copied as Parquet, file by file, with a manifest that says what each holds."""
import hashlib
import json
import re
import shutil

import pytest

import shop
from events import line, ndjson


@pytest.fixture
def shop_project(tmp_path):
    return shop.write(tmp_path / "shop")


@pytest.fixture
def archive(tarn, tmp_path):
    """archive(project) -> the answer of `tarn archive --json` into one folder."""

    def call(project, *args, **kwargs):
        return json.loads(tarn("archive", "-C", project, tmp_path / "archive", "--json", *args, **kwargs).stdout)

    return call


def manifest_of(folder):
    """The newest manifest, checked as anyone can: the digest is of the text of "manifest"."""
    text = max(folder.glob("manifest-*.json")).read_text()
    head, body = re.fullmatch(r'\{"sha256":"(\w{64})","manifest":(.*)\}\n', text).groups()
    assert hashlib.sha256(body.encode()).hexdigest() == head
    return json.loads(body)


def data_files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet"))


def add_orders(project, name, orders):
    (project / "events" / name).write_text(shop.ndjson(orders))


def test_each_archive_appends_what_is_new(run_report, archive, tarn, tmp_path, shop_project):
    run_report(shop_project)
    first = archive(shop_project)
    assert (first["status"], first["generation"], first["rows"], first["files"]) == ("archived", 1, {"bronze": 6, "quarantine": 0}, 1)
    before = {path: (tmp_path / "archive" / path).read_bytes() for path in data_files(tmp_path / "archive")}
    add_orders(shop_project, "more.ndjson", [("7", "tea", 70)])
    (shop_project / "events" / "bad.ndjson").write_text("no event\n")
    run_report(shop_project)
    second = archive(shop_project)
    assert (second["rows_written"], second["rows"]) == ({"bronze": 1, "quarantine": 1}, {"bronze": 7, "quarantine": 1})
    assert {path: (tmp_path / "archive" / path).read_bytes() for path in before} == before
    assert archive(shop_project)["status"] == "unchanged"
    assert "every file" in tarn("archive", "--verify", tmp_path / "archive").stdout


def test_the_manifest_says_what_each_file_holds(run_report, rows, archive, tmp_path, shop_project):
    add_orders(shop_project, "more.ndjson", [("7", "tea", 70)])
    (shop_project / "events" / "z-bad.ndjson").write_text("no event\n[]\n")
    run_report(shop_project)
    archive(shop_project)
    folder = tmp_path / "archive"
    manifest = manifest_of(folder)
    assert sorted(file["path"] for file in manifest["files"]) == data_files(folder)
    for file in manifest["files"]:
        data = (folder / file["path"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert re.fullmatch(rf"{file['layer']}/day={file['day']}/\d+-\d+\.a1\.parquet", file["path"])
    bronze, quarantine = manifest["files"]
    assert [(part["source_name"].rsplit("/")[-1], part["rows"], part["first_offset"]) for part in bronze["parts"]] == [
        ("more.ndjson", 1, 0), ("orders.ndjson", 6, 0)]
    assert [(part["rows"], part["first_offset"], part["last_offset"]) for part in quarantine["parts"]] == [(2, 0, 9)]
    states = rows(shop_project, "SELECT table_name AS \"table\", layer, row_count AS rows, content_hash::VARCHAR AS content_hash FROM tarn.table_states")
    assert sorted(map(str, manifest["tables"])) == sorted(map(str, states))
    positions = rows(shop_project, "FROM tarn.positions ORDER BY name")
    assert manifest["positions"] == positions
    assert (manifest["generation"], manifest["received"]) == (1, 9)


def test_a_rollback_takes_its_rows_out_of_the_archive(run_report, archive, tarn, tmp_path, shop_project):
    run_report(shop_project)
    archive(shop_project)
    add_orders(shop_project, "more.ndjson", [("7", "tea", 70), ("8", "tea", 80)])
    run_report(shop_project)
    assert archive(shop_project)["rows"]["bronze"] == 8
    tarn("rollback", "-C", shop_project)
    back = archive(shop_project)
    assert (back["generation"], back["rows"]["bronze"], back["files_retired"]) == (3, 6, 1)
    run_report(shop_project, "--resume")
    assert archive(shop_project)["rows"]["bronze"] == 8
    tarn("archive", "--verify", tmp_path / "archive")
    assert len(data_files(tmp_path / "archive")) == 2


def test_a_replayed_record_leaves_the_archived_quarantine(run_report, archive, tarn, tmp_path, project):
    (project / "events" / "a.ndjson").write_bytes(ndjson(line("e1"), b"no event", line("e2", extra={"deep": [[[[1]]]]})))
    shop.edit(project, "tarn.yaml", "max_depth: 64", "max_depth: 4")
    run_report(project)
    assert archive(project)["rows"] == {"bronze": 1, "quarantine": 2}
    shop.edit(project, "tarn.yaml", "max_depth: 4 ", "max_depth: 64 ")
    tarn("quarantine", "replay", "-C", project)
    assert archive(project)["rows"] == {"bronze": 2, "quarantine": 1}
    tarn("archive", "--verify", tmp_path / "archive")


def test_a_missing_file_is_written_again(run_report, archive, tarn, tmp_path, shop_project):
    run_report(shop_project)
    archive(shop_project)
    [path] = data_files(tmp_path / "archive")
    (tmp_path / "archive" / path).unlink()
    done = tarn("archive", "--verify", tmp_path / "archive", check=False)
    assert done.returncode == 5 and f"{path} is missing" in done.stdout and "`tarn archive` writes it again" in done.stderr
    assert archive(shop_project)["files_repaired"] == 1
    tarn("archive", "--verify", tmp_path / "archive")


@pytest.mark.parametrize("place", [0, 0.3, 0.7, 1])
def test_one_flipped_bit_is_found_and_named(run_report, archive, tarn, tmp_path, shop_project, place):
    run_report(shop_project)
    archive(shop_project)
    folder = tmp_path / "archive"
    for path in [data_files(folder)[0], "manifest-00000001.json"]:
        damaged = tmp_path / "damaged"
        shutil.copytree(folder, damaged)
        data = bytearray((damaged / path).read_bytes())
        data[int(place * (len(data) - 1))] ^= 1
        (damaged / path).write_bytes(data)
        done = tarn("archive", "--verify", damaged, check=False)
        assert done.returncode == 5 and path in done.stdout + done.stderr and "hint:" in done.stderr
        shutil.rmtree(damaged)


def test_a_damaged_manifest_falls_back_to_the_one_before(run_report, archive, tarn, tmp_path, shop_project):
    run_report(shop_project)
    archive(shop_project)
    add_orders(shop_project, "more.ndjson", [("7", "tea", 70)])
    run_report(shop_project)
    archive(shop_project)
    newest = tmp_path / "archive" / "manifest-00000002.json"
    newest.write_bytes(newest.read_bytes()[:-10])
    found = json.loads(tarn("archive", "--verify", "--json", tmp_path / "archive", check=False).stdout)
    assert (found["number"], found["generation"]) == (1, 1)
    assert [fault["path"] for fault in found["faults"]] == ["manifest-00000002.json"]
    again = archive(shop_project)
    assert (again["number"], again["rows"]["bronze"]) == (3, 7)
    tarn("archive", "--verify", tmp_path / "archive")


def test_large_records_are_archived_within_256_mib(run_report, archive, project):
    big = json.dumps("x" * 10_000).encode()
    with (project / "events" / "a.ndjson").open("wb") as events:
        for number in range(20_000):
            events.write(b'{"event_id":"e%d","event_type":"OSS","payload":{"v":%s}}\n' % (number, big))
    run_report(project)
    assert archive(project, env={"TARN_MEMORY_LIMIT": "256MiB"})["rows"]["bronze"] == 20_000


def test_the_folder_comes_from_the_command_line_the_environment_or_the_project(run_report, tarn, tmp_path, shop_project):
    run_report(shop_project)
    done = tarn("archive", "-C", shop_project, check=False)
    assert done.returncode == 2 and "no archive folder" in done.stderr and "TARN_ARCHIVE" in done.stderr
    with (shop_project / "tarn.yaml").open("a") as config:
        config.write("archive:\n  folder: copies\n")
    for environment, folder in ({}, shop_project / "copies"), ({"TARN_ARCHIVE": str(tmp_path / "env")}, tmp_path / "env"):
        tarn("archive", "-C", shop_project, env=environment)
        assert data_files(folder)


def test_an_archive_of_something_else_is_left_alone(run_report, archive, tarn, tmp_path, shop_project):
    run_report(shop_project)
    archive(shop_project)
    before = {path.name: path.read_bytes() for path in (tmp_path / "archive").rglob("*") if path.is_file()}
    other = shop.write(tmp_path / "other", [("1", "tea", 1)])
    run_report(other)
    done = tarn("archive", "-C", other, tmp_path / "archive", check=False)
    assert done.returncode == 2 and "of another lakehouse" in done.stderr and "tarn rebuild --from both" in done.stderr
    shop.edit(other, "tarn.yaml", "name: shop", "name: other")
    done = tarn("archive", "-C", other, tmp_path / "archive", check=False)
    assert done.returncode == 2 and "of the project 'shop', not of 'other'" in done.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "archive").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("arguments, code, words", [
    (["a", "b"], 2, "name one folder"),
    (["tarn.yaml"], 2, "is no folder"),
    (["--verify", "nowhere"], 5, "there is no archive"),
    (["/proc/nothing/here"], 5, "cannot make the folder"),
])
def test_what_cannot_be_archived(run_report, tarn, shop_project, arguments, code, words):
    run_report(shop_project)
    done = tarn("archive", *arguments, cwd=shop_project, check=False)
    assert done.returncode == code and words in done.stderr, done.stderr


def test_nothing_is_published_yet(tarn, tmp_path, shop_project):
    done = tarn("archive", "-C", shop_project, tmp_path / "archive", check=False)
    assert done.returncode == 5 and "tarn run" in done.stderr
    assert not (tmp_path / "archive").exists()
