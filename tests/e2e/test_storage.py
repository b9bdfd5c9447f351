"""How gold lies in the file: small row groups in the order of the key, whose text is not compressed, so that a lookup by key is quick;
every session that writes keeps it so."""
import pytest

ROW_GROUP = 16384

SEGMENTS = """
SELECT compression, max(count) AS largest, count(DISTINCT row_group_id) AS row_groups
FROM pragma_storage_info('gold_subscriber_features')
WHERE column_name = 'subscriber_id' AND segment_type = 'VARCHAR'
GROUP BY ALL"""

OUT_OF_ORDER = """
SELECT count(*) AS steps_back
FROM (SELECT subscriber_id AS id, lag(subscriber_id) OVER (ORDER BY rowid) AS before FROM gold_subscriber_features)
WHERE id < before"""


def check_storage(rows, project, steps_back=0):
    subscribers = rows(project, "SELECT count(*) AS n FROM gold_subscriber_features")[0]["n"]
    assert subscribers > 2 * ROW_GROUP
    [segments] = rows(project, SEGMENTS)
    assert segments["compression"] == "Uncompressed"
    assert segments["largest"] <= ROW_GROUP
    assert segments["row_groups"] > subscribers / ROW_GROUP
    assert rows(project, OUT_OF_ORDER) == [{"steps_back": steps_back}]


def generate(tarn, project, events, seed):
    tarn("generate", "--events", events, "--subscribers", 60000, "--seed", seed, "-o", project / "events" / f"{seed}.ndjson")


@pytest.fixture
def lakehouse(project, tarn, run_report):
    generate(tarn, project, 240000, 1)
    run_report(project)
    return project


def test_storage_survives_runs_and_rollback(lakehouse, tarn, rows, run_report):
    check_storage(rows, lakehouse)
    generate(tarn, lakehouse, 2000, 2)  # some keys: they are replaced behind the others, in order
    assert run_report(lakehouse)["run_counts"]["gold"] > 1000
    check_storage(rows, lakehouse, steps_back=1)
    generate(tarn, lakehouse, 10000, 3)  # more than a tenth of the keys: the table is sorted again
    run_report(lakehouse)
    check_storage(rows, lakehouse)
    tarn("rollback", "-C", lakehouse)
    check_storage(rows, lakehouse, steps_back=1)
    run_report(lakehouse, "--resume", "--full-refresh")
    check_storage(rows, lakehouse)
    tarn("verify", "-C", lakehouse)
