"""A file that an older Tarn wrote is taken over by the next run that publishes; until then it is served and asked as it is."""
import pathlib
import subprocess

from conftest import clean_environment, program

# What format 1 was: row groups of the engine's own size, no keys and headers of records.
FORMAT_1 = """
ALTER TABLE bronze_raw_events DROP COLUMN record_key;
ALTER TABLE bronze_raw_events DROP COLUMN record_headers;
ALTER TABLE bronze_raw_events DROP COLUMN record_timestamp;
ALTER TABLE bronze_raw_events DROP COLUMN tombstone;
ALTER TABLE tarn.quarantine DROP COLUMN record_key;
ALTER TABLE tarn.quarantine DROP COLUMN record_headers;
ALTER TABLE tarn.quarantine DROP COLUMN record_timestamp;
DROP TABLE tarn.gaps;
DROP TABLE tarn.precomputed;
UPDATE tarn.meta SET value = '1' WHERE key = 'format';
CREATE TABLE large AS SELECT * FROM bronze_raw_events ORDER BY seq;
DROP TABLE bronze_raw_events;
ALTER TABLE large RENAME TO bronze_raw_events;
"""


def make_old(database, script):
    database.chmod(0o644)
    script.write_text(FORMAT_1)
    engine = pathlib.Path(program()).parent / "bench" / "baseline"
    subprocess.run([engine, database, script, "unused", "1"], check=True, stdout=subprocess.DEVNULL,
                   env=clean_environment({"ASAN_OPTIONS": "detect_leaks=0"}))  # only a means to an end here


def test_a_file_of_the_first_format(tarn, new_project, run_report, rows, serve, tmp_path):
    project = new_project()
    tarn("generate", "--events", 20000, "--out", project / "events" / "a.ndjson")
    before = run_report(project)
    make_old(project / "telecom.duckdb", tmp_path / "old.sql")
    assert serve(project).get("/api/v1/subscribers?limit=1").status_code == 200
    assert run_report(project)["status"] == "unchanged"
    tarn("generate", "--events", 5000, "--seed", 9, "--out", project / "events" / "b.ndjson")
    after = run_report(project)
    assert after["generation"] == 2 and after["counts"]["received"] == before["counts"]["received"] + 5000
    assert rows(project, "SELECT value FROM tarn.meta WHERE key = 'format'") == [{"value": "2"}]
    assert rows(project, "SELECT DISTINCT tombstone FROM bronze_raw_events") == [{"tombstone": False}]
    assert "is what its bronze gives" in tarn("verify", "-C", project).stdout
    tarn("generate", "--events", 1000, "--seed", 11, "--out", project / "events" / "c.ndjson")
    assert run_report(project)["counts"]["received"] == after["counts"]["received"] + 1000
