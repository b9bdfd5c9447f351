"""`tarn rebuild`: the lakehouse again from nothing, with proof that it is what was recorded."""
import gzip
import json
import shutil

import pytest

import shop
from events import counts, line, ndjson

LAYERS = {
    "bronze": "FROM bronze_raw_events ORDER BY seq",
    "refused": "SELECT * EXCLUDE (id, quarantined_at, run_id), hex(raw) AS raw FROM tarn.quarantine ORDER BY layer, seq",
    "silver": "FROM silver_clean_events ORDER BY seq",
    "duplicates": "SELECT * EXCLUDE (run_id) FROM tarn.duplicates ORDER BY seq",
    "gold": "FROM gold_subscriber_features ORDER BY subscriber_id",
    "positions": "FROM tarn.positions ORDER BY name",
}
LAYERS["refused"] = LAYERS["refused"].replace("run_id), hex", "run_id, raw), hex")
HASHES = """SELECT table_name, row_count, content_hash::VARCHAR AS content_hash FROM tarn.table_states
  WHERE generation = (SELECT max(generation) FROM tarn.generations) ORDER BY table_name"""


def everything(rows, project, without=()):
    """Every row of every layer, with its coordinates and its place in the order of arrival."""
    found = {name: rows(project, sql) for name, sql in {**LAYERS, "hashes": HASHES}.items()}
    return {name: [{key: value for key, value in row.items() if key not in without} for row in table] for name, table in found.items()}


def remove_lakehouse(project):
    for path in project.glob("*.duckdb"):
        path.unlink()
        shutil.rmtree(path.with_name(path.name + ".d"))


def verdicts(answer):
    return {comparison["table"]: comparison["result"] for comparison in answer["comparisons"]}


@pytest.fixture
def archive(tarn, tmp_path):
    """archive(project): `tarn archive` into one folder, which it returns."""

    def call(project):
        tarn("archive", "-C", project, tmp_path / "archive")
        return tmp_path / "archive"

    return call


@pytest.fixture
def rebuild(tarn, tmp_path):
    """rebuild(project, "archive") -> the answer of `tarn rebuild --json` with the folder of `archive`."""

    def call(project, origin, *args, code=0, **kwargs):
        done = tarn("rebuild", "-C", project, "--from", origin, "--archive", tmp_path / "archive", "--json", *args, check=False, **kwargs)
        assert done.returncode == code, done.stderr
        answer = json.loads(done.stdout) if done.stdout else {}
        return {**answer, "stderr": done.stderr}

    return call


@pytest.fixture
def telecom(project, tarn, run_report):
    """A project with two generations of a few thousand events, some of them defective, from several files."""
    for name, seed in ("b.ndjson", 1), ("a.ndjson", 2):
        tarn("generate", "--events", 2000, "--seed", seed, "--defects", 0.2, "--out", project / "events" / name)
        run_report(project)
    return project


def add_events(project, name, *lines):
    (project / "events" / name).write_bytes(ndjson(*lines))


def test_archive_lose_rebuild(tarn, run_report, rows, telecom, archive, rebuild):
    """The whole story: archive, go on, archive again, lose everything, rebuild."""
    archive(telecom)
    add_events(telecom, "c.ndjson", line("late"), b"no event", line("late"))
    run_report(telecom)
    archive(telecom)
    before = everything(rows, telecom)
    remove_lakehouse(telecom)
    answer = rebuild(telecom, "archive")
    assert set(verdicts(answer).values()) == {"equal"} and len(answer["comparisons"]) == 5
    assert (answer["read"], answer["losses"], answer["run"]["generation"]) == (0, [], 4)
    assert everything(rows, telecom) == before
    tarn("verify", "-C", telecom)
    assert run_report(telecom)["status"] == "unchanged"
    add_events(telecom, "d.ndjson", line("later"))
    assert run_report(telecom)["run_counts"]["bronze"] == 1
    [last] = rows(telecom, "SELECT seq FROM bronze_raw_events WHERE event_id = 'later'")
    assert last["seq"] > max(row["seq"] for row in before["bronze"])
    tarn("verify", "-C", telecom)


def test_the_archive_first_then_the_source_behind_it(tarn, run_report, rows, telecom, archive, rebuild):
    archive(telecom)
    with (telecom / "events" / "a.ndjson").open("ab") as events:
        events.write(ndjson(line("more-1"), b"no event", line("more-1")))
    add_events(telecom, "c.ndjson", line("more-2"))
    run_report(telecom)
    before = everything(rows, telecom, without=["ingested_at"])
    remove_lakehouse(telecom)
    answer = rebuild(telecom, "both")
    assert (set(verdicts(answer).values()), answer["recorded_generation"], answer["read"]) == ({"equal"}, 2, 4)
    assert everything(rows, telecom, without=["ingested_at"]) == before
    tarn("verify", "-C", telecom)


@pytest.mark.parametrize("origin", ["source", "both"])
def test_the_archive_goes_on_after_a_rebuild(run_report, rows, telecom, archive, rebuild, tarn, origin):
    folder = archive(telecom)
    kept = {path: path.read_bytes() for path in folder.rglob("*.parquet")}
    remove_lakehouse(telecom)
    rebuild(telecom, origin)
    add_events(telecom, "c.ndjson", line("later"))
    run_report(telecom)
    archive(telecom)
    tarn("archive", "--verify", folder)
    if origin == "both":
        assert {path: path.read_bytes() for path in kept} == kept
    before = everything(rows, telecom)
    remove_lakehouse(telecom)
    rebuild(telecom, "archive")
    assert everything(rows, telecom) == before


def test_from_the_source_alone(tarn, run_report, rows, project, archive, rebuild):
    """Files that were appended to, compressed ones, and one that has another name now; read in the order of the runs."""
    events = project / "events"
    add_events(project, "a.ndjson", line("e1"), b"no event")
    (events / "b.ndjson.gz").write_bytes(gzip.compress(ndjson(line("e2"), line("e3"))))
    run_report(project)
    with (events / "a.ndjson").open("ab") as file:
        file.write(ndjson(line("e4", filler="x" * 5000), line("e5")))
    add_events(project, "c.ndjson", line("e6"), line("e6", payload={"latency_ms": 7}))
    run_report(project)
    archive(project)
    (events / "c.ndjson").rename(events / "0.ndjson")
    with (events / "a.ndjson").open("ab") as file:
        file.write(ndjson(line("e7")))
    run_report(project)
    remove_lakehouse(project)
    answer = rebuild(project, "source")
    assert (set(verdicts(answer).values()), answer["recorded_generation"], answer["read"]) == ({"equal"}, 2, 9)
    assert counts(rows, project)["received"] == 9
    tarn("verify", "-C", project)
    assert run_report(project)["status"] == "unchanged"


def test_nothing_to_compare_with(tarn, run_report, rows, telecom):
    before = counts(rows, telecom)
    remove_lakehouse(telecom)
    answer = json.loads(tarn("rebuild", "-C", telecom, "--from", "source", "--json").stdout)
    assert (answer["compared_with"], answer["comparisons"], answer["read"]) == (None, [], 4000)
    assert counts(rows, telecom) == before


def test_of_duplicates_in_different_files_another_one_may_be_kept(tarn, run_report, rows, project, archive, rebuild):
    add_events(project, "b.ndjson", line("twice", payload={"latency_ms": 1}), line("e1"))
    run_report(project)
    add_events(project, "a.ndjson", line("twice", payload={"latency_ms": 2}))
    run_report(project)
    archive(project)
    remove_lakehouse(project)
    answer = rebuild(project, "source")
    assert verdicts(answer) == {"bronze_raw_events": "equal", "tarn.quarantine": "equal", "tarn.duplicates": "other_duplicates",
                                "silver_clean_events": "other_duplicates", "gold_subscriber_features": "other_duplicates"}
    [note] = answer["notes"]
    assert note.startswith("1 records have the key of another one") and "b.ndjson:0:0 against" in note and "a.ndjson:0:0" in note
    remove_lakehouse(project)
    assert set(verdicts(rebuild(project, "archive")).values()) == {"equal"}


def test_a_published_file_is_replaced_only_when_asked_for(tarn, run_report, rows, telecom, archive, rebuild):
    archive(telecom)
    before = everything(rows, telecom)
    refused = rebuild(telecom, "archive", code=2)
    assert "generation 2 is published" in refused["stderr"] and "--replace" in refused["stderr"]
    add_events(telecom, "c.ndjson", line("newer"))
    run_report(telecom)
    answer = rebuild(telecom, "archive", "--replace")
    assert answer["run"]["generation"] == 4 and "generation 3 has 1 records that the archive has not" in answer["notes"][0]
    assert everything(rows, telecom) == before
    tarn("rollback", "-C", telecom)
    assert rows(telecom, "SELECT event_id FROM bronze_raw_events WHERE event_id = 'newer'")


def test_from_the_source_against_the_published_file(run_report, rows, telecom, rebuild):
    before = everything(rows, telecom)
    answer = rebuild(telecom, "source", "--replace")
    assert (answer["compared_with"], answer["run"]["generation"]) == ("published file", 3)
    assert verdicts(answer)["bronze_raw_events"] == "equal"
    assert len(everything(rows, telecom)["bronze"]) == len(before["bronze"])


def test_a_published_file_that_cannot_be_read(rows, telecom, archive, rebuild):
    archive(telecom)
    before = everything(rows, telecom)
    published = telecom / "telecom.duckdb"
    published.chmod(0o644)
    published.write_bytes(b"gone")
    assert "cannot be read" in rebuild(telecom, "archive", code=2)["stderr"]
    assert rebuild(telecom, "archive", "--replace")["run"]["generation"] > 2
    assert everything(rows, telecom) == before
    assert (telecom / "telecom.duckdb.d" / "unreadable.duckdb").read_bytes() == b"gone"


def test_another_place_is_a_rehearsal(rows, telecom, archive, rebuild, tmp_path):
    archive(telecom)
    before = (telecom / "telecom.duckdb").read_bytes()
    answer = rebuild(telecom, "archive", env={"DB_PATH": str(tmp_path / "rehearsal.duckdb")})
    assert set(verdicts(answer).values()) == {"equal"}
    assert (telecom / "telecom.duckdb").read_bytes() == before


def test_a_damaged_archive_file_is_named_with_what_goes_with_it(tarn, run_report, rows, project, archive, rebuild):
    add_events(project, "a.ndjson", line("e1"), line("e2"))
    run_report(project)
    archive(project)
    add_events(project, "b.ndjson", line("e3"))
    run_report(project)
    folder = archive(project)
    remove_lakehouse(project)
    [damaged] = folder.rglob("*-000000000002.a1.parquet")
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    refused = rebuild(project, "archive", code=3)
    second = len(line("e1")) + 1
    assert [(loss["source_name"].rsplit("/")[-1], loss["partition"], loss["first_offset"], loss["last_offset"], loss["records"])
            for loss in refused["losses"]] == [("a.ndjson", 0, 0, second, 2)]
    assert damaged.name in refused["stderr"] and "--accept-loss" in refused["stderr"]
    assert not (project / "telecom.duckdb").exists()
    answer = rebuild(project, "archive", "--accept-loss")
    assert set(verdicts(answer).values()) == {"not_compared"} and len(answer["losses"]) == 1
    assert [row["event_id"] for row in rows(project, "FROM bronze_raw_events")] == ["e3"]
    [kept] = rows(project, "SELECT report->>'$.changes[0].what' AS what FROM tarn.runs")
    assert "2 records of" in kept["what"] and damaged.name in kept["what"]
    tarn("verify", "-C", project)


def test_what_the_source_lost_is_told_exactly(tarn, run_report, rows, project, archive, rebuild):
    add_events(project, "a.ndjson", line("e1"), b"no event", line("e2"))
    add_events(project, "b.ndjson", line("e3"))
    run_report(project)
    archive(project)
    remove_lakehouse(project)
    (project / "events" / "a.ndjson").unlink()
    refused = rebuild(project, "source", code=3)
    [loss] = refused["losses"]
    last = len(line("e1")) + len(b"no event") + 2
    assert (loss["source_name"], loss["first_offset"], loss["last_offset"], loss["records"]) == (str(project / "events" / "a.ndjson"), 0, last, 3)
    assert "3 records of" in refused["stderr"] and not (project / "telecom.duckdb").exists()
    answer = rebuild(project, "source", "--accept-loss")
    assert answer["losses"] == refused["losses"]
    assert [row["event_id"] for row in rows(project, "FROM bronze_raw_events")] == ["e3"]
    assert rows(project, "SELECT report->>'$.changes[0].object' AS object FROM tarn.runs") == [{"object": "loss"}]
    assert rows(project, "SELECT source_partition, first_offset, next_offset FROM tarn.gaps") == [
        {"source_partition": 0, "first_offset": 0, "next_offset": last + 1}]
    tarn("verify", "-C", project)


def test_a_record_of_the_published_file_that_neither_has(run_report, rows, project, archive, rebuild):
    add_events(project, "a.ndjson", line("e1"))
    run_report(project)
    archive(project)
    add_events(project, "b.ndjson", line("e2"))
    run_report(project)
    (project / "events" / "b.ndjson").unlink()
    refused = rebuild(project, "both", "--replace", code=3)
    assert [(loss["records"], loss["why"]) for loss in refused["losses"]] == [(1, "the published file has them, the archive and the source do not")]
    assert len(rows(project, "FROM bronze_raw_events")) == 2


def test_a_changed_project_is_rebuilt_by_the_rules_of_today(tarn, run_report, rows, tmp_path, rebuild, archive):
    project = shop.write(tmp_path / "shop")
    run_report(project)
    archive(project)
    remove_lakehouse(project)
    shop.edit(project, "gold/gold_kinds.sql", "sum(amount)", "max(amount)")
    answer = rebuild(project, "archive")
    assert verdicts(answer) == {"bronze_orders": "equal", "silver_orders": "equal", "tarn.quarantine": "not_compared",
                                "tarn.duplicates": "not_compared", "gold_kinds": "not_compared"}
    remove_lakehouse(project)
    shop.edit(project, "tarn.yaml", "weight: 20", "weight: 70")
    assert verdicts(rebuild(project, "archive"))["bronze_orders"] == "not_compared"
    assert [row["quality_score"] for row in rows(project, "FROM bronze_orders ORDER BY seq")] == [100, 30, 30, 100, 100, 40]
    tarn("verify", "-C", project)


def test_the_audit_gate_holds_for_a_rebuild_too(run_report, rows, tmp_path, rebuild, archive):
    project = shop.write(tmp_path / "shop")
    run_report(project)
    archive(project)
    before = (project / "shop.duckdb").read_bytes()
    (project / "checks").mkdir()
    (project / "checks" / "no_tea.sql").write_text("/*\nseverity: error\n*/\nFROM gold_kinds WHERE kind = 'tea'\n")
    refused = rebuild(project, "archive", "--replace", code=4)
    assert "no_tea" in refused["stderr"]
    assert (project / "shop.duckdb").read_bytes() == before


def test_content_that_is_not_what_was_recorded_is_not_published(run_report, tmp_path, rebuild, archive):
    """Same names, sizes and both ends of the file; other bytes in the middle, which nothing but the content hash sees."""
    project = shop.write(tmp_path / "shop", [(str(number), "tea", 10) for number in range(1000)])
    run_report(project)
    archive(project)
    remove_lakehouse(project)
    path = project / "events" / "orders.ndjson"
    lines = path.read_text().splitlines(keepends=True)
    lines[500] = lines[500].replace("tea", "rum")
    path.write_text("".join(lines))
    refused = rebuild(project, "source", code=4)
    assert "bronze_orders (1000 rows, 1000 recorded)" in refused["stderr"] and "--from archive" in refused["stderr"]
    assert not (project / "shop.duckdb").exists()


def test_another_project_and_no_archive(run_report, tarn, tmp_path, rebuild, archive):
    project = shop.write(tmp_path / "shop")
    assert "there is no archive" in rebuild(project, "archive", code=5)["stderr"]
    run_report(project)
    archive(project)
    remove_lakehouse(project)
    shop.edit(project, "tarn.yaml", "name: shop", "name: other")
    assert "of the project 'shop', not of 'other'" in rebuild(project, "archive", code=2)["stderr"]
    done = tarn("rebuild", "-C", project, "--from", "both", check=False)
    assert done.returncode == 2 and "no archive folder is named" in done.stderr


@pytest.mark.parametrize("arguments, words", [
    ([], "say what to rebuild from"), (["--from", "tape"], "there is no such origin"), (["--from", "source", "x"], "unexpected argument 'x'")])
def test_wrong_usage(tarn, tmp_path, arguments, words):
    done = tarn("rebuild", "-C", shop.write(tmp_path / "shop"), *arguments, check=False)
    assert done.returncode == 2 and words in done.stderr and "hint:" in done.stderr


def test_the_ledger_tells_what_moved_in_each_generation(run_report, rows, project, archive, rebuild):
    add_events(project, "a.ndjson", line("e1"))
    add_events(project, "b.ndjson", line("e2"))
    run_report(project)
    with (project / "events" / "b.ndjson").open("ab") as events:
        events.write(ndjson(line("e3")))
    run_report(project)
    archive(project)
    size = len(line("e1")) + 1
    moved = """SELECT generation, list((parse_filename(p->>'name'), (p->>'next_offset')::BIGINT) ORDER BY p->>'name')::VARCHAR AS moved
      FROM (SELECT generation, unnest(from_json(positions, '["JSON"]')) AS p FROM tarn.generations) GROUP BY generation ORDER BY generation"""
    assert rows(project, moved) == [{"generation": 1, "moved": f"[(a.ndjson, {size}), (b.ndjson, {size})]"},
                                    {"generation": 2, "moved": f"[(b.ndjson, {2 * size})]"}]
    remove_lakehouse(project)
    rebuild(project, "archive")
    assert rows(project, moved) == [{"generation": 2, "moved": f"[(a.ndjson, {size}), (b.ndjson, {2 * size})]"}]
