"""`tarn quarantine`: what was refused, why, and the records with the bytes that they had."""
import base64
import gzip
import hashlib
import json

import pytest

from events import line, ndjson

GOOD = line("good")
WORDS = b"not json"
LATIN1 = b'{"event_id": "caf\xe9"}'
LOTS = line("lots", "BSS", {"data_used_mb": "lots"}, trace={"a": [1, None]}).replace(b": ", b" :  ")  # white space that only the original has
NOBODY = line("nobody", subscriber_id=None)
LINES = [GOOD, WORDS, LOTS, LATIN1, NOBODY]


@pytest.fixture(scope="module")
def make_refusing(tarn, run_report, tmp_path_factory):
    """make_refusing() -> a project whose five lines end as one silver row and four records in quarantine."""

    def make():
        folder = tmp_path_factory.mktemp("refusing") / "telecom"
        tarn("init", folder)
        (folder / "events" / "a.ndjson").write_bytes(ndjson(*LINES))
        run_report(folder)
        return folder

    return make


@pytest.fixture(scope="module")
def refusing(make_refusing):
    """Such a project for tests that only read it."""
    return make_refusing()


@pytest.fixture
def quarantine(tarn):
    """quarantine(project, "list", ...) -> text; with --json the parsed value."""

    def call(project, *args):
        text = tarn("quarantine", "-C", project, *args).stdout
        return json.loads(text) if "--json" in args else text

    return call


@pytest.fixture
def exported(tarn):
    """exported(project, ...) -> the records of `quarantine export` by their offset in the source."""

    def call(project, *args):
        found = [json.loads(text) for text in tarn("quarantine", "export", "-C", project, *args).stdout.splitlines()]
        return {record["source"]["offset"]: record for record in found}

    return call


def offset(number, lines=LINES):
    return len(ndjson(*lines[:number]))


def test_list(refusing, quarantine):
    head, *lines = quarantine(refusing, "list").splitlines()
    assert head.split() == ["ID", "LAYER", "SOURCE", "WHY"]
    assert len(lines) == 4
    assert any("not a JSON object" in text and f"a.ndjson @ {offset(1)}" in text for text in lines)
    assert any("bss_data_used_mb: malformed: " in text and "lots" in text for text in lines)


@pytest.mark.parametrize("args, offsets", [
    (["--layer", "bronze"], [1, 3]),
    (["--layer", "silver"], [2, 4]),
    (["--reason", "json OBJECT"], [1, 3]),
    (["--reason", "bss_data_used_mb"], [2]),
    (["--layer", "bronze", "--reason", "bss_data_used_mb"], []),
])
def test_choosing(refusing, quarantine, args, offsets):
    found = quarantine(refusing, "list", "--json", *args)
    assert sorted(record["source"]["offset"] for record in found) == [offset(number) for number in offsets]


def test_limit(refusing, quarantine):
    assert len(quarantine(refusing, "list", "--json", "--limit", "3")) == 3
    assert quarantine(refusing, "list", "--limit", "3").splitlines()[-1].startswith("... and more")
    assert len(quarantine(refusing, "list", "--json", "--limit", "0")) == 4


def test_more_than_one_page(project, run_report, quarantine):
    (project / "events" / "a.ndjson").write_bytes(ndjson(*(b"bad %d" % number for number in range(2500))))
    run_report(project)
    found = quarantine(project, "list", "--json", "--limit", "0")
    assert len({record["id"] for record in found}) == 2500
    assert [record["id"] for record in found] == sorted(record["id"] for record in found)


def test_summary(refusing, quarantine):
    found = quarantine(refusing, "summary", "--json")
    counted = {(entry["layer"], entry["column"], entry["rule"].split(":")[0]): entry["records"] for entry in found}
    assert counted[("bronze", None, "not a JSON object")] == 2
    assert counted[("silver", "bss_data_used_mb", "malformed")] == 1
    text = quarantine(refusing, "summary")
    assert "bronze" in text and "2 records that are no events" in text
    assert "silver silver_clean_events: 2 records refused by its model" in text
    assert "lots" in text


def test_an_empty_quarantine(project, run_report, quarantine):
    (project / "events" / "a.ndjson").write_bytes(ndjson(GOOD))
    run_report(project)
    assert quarantine(project, "summary") == "Nothing is in quarantine.\n"
    assert quarantine(project, "list", "--json") == quarantine(project, "summary", "--json") == []
    assert quarantine(project, "export") == ""


def test_show_tells_everything(refusing, quarantine):
    for record in quarantine(refusing, "list", "--json"):
        text = quarantine(refusing, "show", str(record["id"]))
        assert f"#{record['id']} {record['layer']}" in text
        for reason in record["reasons"]:
            assert reason["rule"] in text
        shown = quarantine(refusing, "show", str(record["id"]), "--json")
        assert {key: shown[key] for key in record} == record and ("original" in shown or "original_base64" in shown)


def test_show_escapes_bytes_that_are_no_text(refusing, quarantine):
    record = next(record for record in quarantine(refusing, "list", "--json") if record["source"]["offset"] == offset(3))
    assert '{"event_id": "caf\\xe9"}' in quarantine(refusing, "show", str(record["id"]))


@pytest.mark.parametrize("words", ["", "shwo", "list x", "list --layer gold", "show", "show x", "show 0", "show 999", "show 1 2", "replay --layer bronze"])
def test_usage_errors(refusing, tarn, words):
    done = tarn("quarantine", "-C", refusing, *words.split(), check=False)
    assert done.returncode == 2 and done.stdout == "" and "hint: " in done.stderr


def test_export_gives_the_original_bytes(refusing, exported):
    found = exported(refusing)
    assert sorted(found) == [offset(number) for number in (1, 2, 3, 4)]
    assert found[offset(1)]["original"] == WORDS.decode()
    assert found[offset(2)]["original"] == LOTS.decode()
    assert base64.b64decode(found[offset(3)]["original_base64"]) == LATIN1
    assert found[offset(4)]["original"] == NOBODY.decode()
    assert not any(record["rebuilt"] for record in found.values())


@pytest.mark.parametrize("name, pack", [("b.ndjson.gz", gzip.compress)])
def test_export_reads_compressed_sources(project, run_report, exported, name, pack):
    (project / "events" / name).write_bytes(pack(ndjson(*LINES)))
    run_report(project)
    assert exported(project)[offset(2)]["original"] == LOTS.decode()


def gone(file):
    file.unlink()


def other_content(file):
    file.write_bytes(ndjson(*[line("other", "BSS", {"data_used_mb": "lots"})] * 9))


def one_value_changed(file):
    file.write_bytes(file.read_bytes().replace(b'"lots"', b'"LOTS"'))


@pytest.mark.parametrize("change", [gone, other_content, one_value_changed])
def test_a_record_that_the_source_no_longer_has_is_rebuilt(make_refusing, exported, change):
    refusing = make_refusing()
    change(refusing / "events" / "a.ndjson")
    record = exported(refusing)[offset(2)]
    assert record["rebuilt"] is True
    assert record["original"] != LOTS.decode() and json.loads(record["original"]) == json.loads(LOTS)
    assert exported(refusing)[offset(1)]["original"] == WORDS.decode()


def test_standard_input_is_rebuilt(project, run_report, exported):
    run_report(project, "--from", "-", input=ndjson(*LINES))
    assert exported(project)[offset(2)]["rebuilt"] is True


def test_what_was_rebuilt_gives_the_same_rows_again(make_refusing, new_project, tarn, run_report, rows):
    refusing = make_refusing()
    (refusing / "events" / "a.ndjson").unlink()
    lines = tarn("quarantine", "export", "-C", refusing, "--raw", "--layer", "silver", binary=True).stdout
    again = new_project("again")
    run_report(again, "--from", "-", input=lines)
    bronze = """
      SELECT * EXCLUDE (seq, ingested_at, source_name, source_partition, source_offset)
      FROM bronze_raw_events WHERE event_id <> 'good' ORDER BY seq"""
    assert rows(again, bronze) == rows(refusing, bronze)


def test_raw_export_is_just_the_records(refusing, tarn, tmp_path):
    everything = tarn("quarantine", "export", "-C", refusing, "--raw", binary=True).stdout
    assert sorted(everything.splitlines()) == sorted([WORDS, LOTS, LATIN1, NOBODY])
    file = tmp_path / "bronze.ndjson"
    assert tarn("quarantine", "export", "-C", refusing, "--raw", "--layer", "bronze", "--to", file).stdout == ""
    assert file.read_bytes() == ndjson(WORDS, LATIN1)


BIG = b'{"event_id": "' + b"x" * 2_000_000 + b'"}'


def test_an_oversize_record_is_read_again_or_marked_as_cut(project, run_report, exported, tarn):
    file = project / "events" / "big.ndjson"
    file.write_bytes(ndjson(GOOD, BIG, GOOD))
    run_report(project)
    at = len(GOOD) + 1
    assert exported(project)[at]["original"] == BIG.decode()
    assert "cut" not in exported(project)[at]

    file.unlink()
    record = exported(project)[at]
    assert (record["original"], record["cut"], record["size"]) == (BIG[:65536].decode(), True, len(BIG))
    assert record["sha256"] == hashlib.sha256(BIG).hexdigest()
    done = tarn("quarantine", "export", "-C", project, "--raw")
    assert done.stdout == "" and "1 oversize record was left out" in done.stderr


def test_a_file_that_cannot_be_written(refusing, tarn, tmp_path):
    done = tarn("quarantine", "export", "-C", refusing, "--to", tmp_path / "no" / "file", check=False)
    assert done.returncode == 5 and "hint: " in done.stderr


def test_a_full_disk_is_noticed(refusing, tarn):
    done = tarn("quarantine", "export", "-C", refusing, "--to", "/dev/full", check=False)
    assert done.returncode == 5 and "space" in done.stderr


# --- replay ---------------------------------------------------------------------------------------------------------

DEEP = line("deep")[:-1] + b', "x": ' + b"[" * 80 + b"]" * 80 + b"}"


@pytest.fixture
def with_limits(project, run_report):
    """A project whose quarantine holds a record that is too deep, one that is too long and one that is no JSON; the limits were raised since."""
    (project / "events" / "a.ndjson").write_bytes(ndjson(GOOD, DEEP, BIG, WORDS))
    assert run_report(project)["counts"]["bronze_quarantined"] == 3
    settings = project / "tarn.yaml"
    settings.write_text(settings.read_text().replace("max_depth: 64", "max_depth: 100").replace("max_record_bytes: 1MiB", "max_record_bytes: 4MiB"))
    return project


def test_replay_takes_what_the_new_limits_allow(with_limits, tarn, rows, run_report):
    report = json.loads(tarn("quarantine", "replay", "-C", with_limits, "--json").stdout)
    assert report["published"] is True
    assert (report["counts"]["received"], report["counts"]["bronze"], report["counts"]["bronze_quarantined"]) == (4, 3, 1)
    assert rows(with_limits, "SELECT left(event_id, 4) AS id, source_offset AS at FROM bronze_raw_events ORDER BY seq") == [
        {"id": "good", "at": 0}, {"id": "deep", "at": offset(1, [GOOD])}, {"id": "xxxx", "at": offset(2, [GOOD, DEEP])}]
    assert rows(with_limits, "SELECT raw::VARCHAR AS raw FROM tarn.quarantine WHERE layer = 'bronze'") == [{"raw": WORDS.decode()}]
    assert run_report(with_limits)["published"] is False
    tarn("verify", "-C", with_limits)


def test_replay_again_publishes_nothing(with_limits, tarn):
    tarn("quarantine", "-C", with_limits, "replay")
    report = json.loads(tarn("quarantine", "replay", "-C", with_limits, "--json").stdout)
    assert (report["published"], report["counts"]["bronze"]) == (False, 3)


def test_replay_leaves_what_nobody_has_any_more(with_limits, tarn, quarantine):
    (with_limits / "events" / "a.ndjson").unlink()
    report = json.loads(tarn("quarantine", "replay", "-C", with_limits, "--json").stdout)
    assert (report["counts"]["bronze"], report["counts"]["bronze_quarantined"]) == (2, 2)
    assert {record["source"]["offset"] for record in quarantine(with_limits, "list", "--json", "--layer", "bronze")} == {
        offset(2, [GOOD, DEEP]), offset(3, [GOOD, DEEP, BIG])}
