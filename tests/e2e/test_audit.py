"""The audit gate: what a check of severity error finds is not published; a warning is told and published all the same."""
import hashlib
import json

import pytest

from events import line, ndjson

CHECK = """/*
description: No subscriber may be called FORBIDDEN.
severity: {severity}
*/
SELECT event_id, subscriber_id FROM silver_clean_events WHERE subscriber_id = 'FORBIDDEN'
"""


@pytest.fixture
def project_with_check(project, run_report):
    def make(severity):
        (project / "checks" / "forbidden.sql").write_text(CHECK.format(severity=severity))
        (project / "events" / "a.ndjson").write_bytes(ndjson(line("good")))
        assert run_report(project)["published"] is True
        (project / "events" / "b.ndjson").write_bytes(ndjson(line("bad", subscriber_id="forbidden")))
        return project

    return make


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_failed_check_publishes_nothing(project_with_check, tarn, rows):
    project = project_with_check("error")
    before = digest(project / "telecom.duckdb")
    done = tarn("run", "-C", project, "--json", check=False)
    assert done.returncode == 4
    assert "forbidden" in done.stderr and "hint: " in done.stderr
    assert digest(project / "telecom.duckdb") == before
    assert rows(project, "SELECT event_id FROM silver_clean_events") == [{"event_id": "good"}]
    assert not list((project / "telecom.duckdb.d").glob("work*"))


def test_a_failed_run_is_recorded_with_the_rows_that_failed(project_with_check, tarn):
    project = project_with_check("error")
    tarn("run", "-C", project, check=False)
    reports = list((project / "telecom.duckdb.d" / "failed").glob("*.json"))
    assert len(reports) == 1
    text = reports[0].read_text()
    assert json.loads(text)["published"] is False
    assert "forbidden" in text and "bad" in text


def test_or_keep_turns_it_into_a_warning(project_with_check, tarn):
    project = project_with_check("error")
    before = digest(project / "telecom.duckdb")
    done = tarn("run", "-C", project, "--or-keep", check=False)
    assert done.returncode == 0 and "tarn: warning: " in done.stderr and "forbidden" in done.stderr
    assert digest(project / "telecom.duckdb") == before


def test_the_same_records_are_read_once_the_check_is_content(project_with_check, tarn, run_report):
    project = project_with_check("error")
    assert tarn("run", "-C", project, check=False).returncode == 4
    assert tarn("run", "-C", project, check=False).returncode == 4
    (project / "checks" / "forbidden.sql").unlink()
    assert run_report(project)["counts"]["bronze"] == 2


def test_a_warning_is_told_and_published(project_with_check, tarn, rows):
    project = project_with_check("warn")
    done = tarn("run", "-C", project, "--json")
    assert json.loads(done.stdout)["published"] is True
    assert "forbidden" in done.stdout
    assert len(rows(project, "SELECT event_id FROM silver_clean_events")) == 2
