"""A changed model, rule or project file is noticed: exactly the affected layers are made anew from bronze, without reading the source again."""
import shutil

import pytest

import shop

BRONZE = "SELECT id, kind, quality_score, array_to_string(quality_reasons, ' ') AS reasons FROM bronze_orders ORDER BY seq"
SILVER = "SELECT id, kind, amount, quality_score FROM silver_orders ORDER BY seq"
GOLD = "SELECT * FROM gold_kinds ORDER BY ALL"
REFUSED = """
  SELECT id, kind, r.column_name, r.rule, r.value
  FROM (SELECT seq, unnest(reasons) AS r FROM tarn.quarantine WHERE layer = 'silver') JOIN bronze_orders USING (seq)
  ORDER BY seq, r.column_name"""
DUPLICATES = """
  SELECT b.id, k.seq < b.seq AS later
  FROM tarn.duplicates d JOIN bronze_orders b USING (seq) JOIN bronze_orders k ON k.seq = d.kept_seq
  ORDER BY b.seq"""


def values(found):
    return [tuple(row.values()) for row in found]


@pytest.fixture(scope="module")
def template(tmp_path_factory, run_report):
    project = shop.write(tmp_path_factory.mktemp("template") / "shop")
    run_report(project)
    (project / "events" / "orders.ndjson").unlink()
    return project


@pytest.fixture
def built(template, tmp_path):
    """The shop with one generation; its source is gone, so that nothing can be read again."""
    return shutil.copytree(template, tmp_path / "shop")


def test_what_the_shop_holds(built, rows):
    assert values(rows(built, BRONZE)) == [
        ("1", "tea", 100, ""), ("2", "tea", 80, "cheap"), ("3", "tea", 80, "cheap"),
        ("4", "milk", 100, ""), ("4", "milk", 100, ""), ("5", "", 40, "no_kind")]
    assert values(rows(built, SILVER)) == [("1", "tea", 10, 100), ("2", "tea", 5, 80), ("4", "milk", 30, 100)]
    assert values(rows(built, GOLD)) == [("milk", 1, 30), ("tea", 2, 15)]
    assert values(rows(built, DUPLICATES)) == [("4", True)]
    (malformed, filtered) = values(rows(built, REFUSED))
    assert malformed[:3] == ("3", "tea", "amount") and malformed[3].startswith("malformed: ") and malformed[4] == "x"
    assert filtered[:3] == ("5", "", None) and "quality_score >= 50" in filtered[3] and filtered[4] == "quality_score=40"


# (id, file, old text, new text, objects that the report names, silver, gold)
SILVER_BEFORE = [("1", "tea", 10, 100), ("2", "tea", 5, 80), ("4", "milk", 30, 100)]
GOLD_BEFORE = [("milk", 1, 30), ("tea", 2, 15)]
CHANGES = [
    ("a rule's weight", "tarn.yaml", "weight: 20", "weight: 55", ["quality rules"],
     [("1", "tea", 10, 100), ("4", "milk", 30, 100)], [("milk", 1, 30), ("tea", 1, 10)]),
    ("a rule's predicate", "tarn.yaml", "kind <> ''", "kind <> 'milk'", ["quality rules"],
     [("1", "tea", 10, 100), ("2", "tea", 5, 80), ("5", "", 50, 100)], [("", 1, 50), ("tea", 2, 15)]),
    ("a rule less", "tarn.yaml", "    - name: no_kind\n      weight: 60\n      predicate: kind <> ''\n", "", ["quality rules"],
     [*SILVER_BEFORE, ("5", "", 50, 100)], [("", 1, 50), *GOLD_BEFORE]),
    ("silver's condition", "silver/silver_orders.sql", "quality_score >= 50", "quality_score >= 30", ["silver_orders"],
     [*SILVER_BEFORE, ("5", "", 50, 40)], [("", 1, 50), *GOLD_BEFORE]),
    ("silver's cast", "silver/silver_orders.sql",
     "(raw_payload->>'amount')::INTEGER", "coalesce(TRY_CAST(raw_payload->>'amount' AS INTEGER), 0)", ["silver_orders"],
     [("1", "tea", 10, 100), ("2", "tea", 5, 80), ("3", "tea", 0, 80), ("4", "milk", 30, 100)], [("milk", 1, 30), ("tea", 3, 15)]),
    ("silver's unique", "silver/silver_orders.sql", "unique: [id]", "unique: [kind]", ["silver_orders"],
     [("1", "tea", 10, 100), ("4", "milk", 30, 100)], [("milk", 1, 30), ("tea", 1, 10)]),
    ("no unique", "silver/silver_orders.sql", "unique: [id]\n", "", ["silver_orders"],
     [*SILVER_BEFORE, ("4", "milk", 40, 100)], [("milk", 2, 70), ("tea", 2, 15)]),
    ("gold's expression", "gold/gold_kinds.sql", "sum(amount)", "max(amount)", ["gold_kinds"], SILVER_BEFORE, [("milk", 1, 30), ("tea", 2, 10)]),
    ("gold's key", "gold/gold_kinds.sql", "key: [kind]\n", "", ["gold_kinds"], SILVER_BEFORE, GOLD_BEFORE),
]


@pytest.mark.parametrize("file, old, new, objects, silver, gold", [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_a_change_is_planned_and_followed(built, tarn, run_report, rows, file, old, new, objects, silver, gold):
    shop.edit(built, file, old, new)

    database = built / "shop.duckdb"
    before = database.read_bytes()
    plan = run_report(built, "--plan")
    assert (plan["status"], plan["published"]) == ("planned", False)
    assert set(objects) <= {change["object"] for change in plan["changes"]}
    assert database.read_bytes() == before

    report = run_report(built)
    assert report["published"] is True
    assert report["run_counts"]["received"] == 0
    assert {change["object"] for change in report["changes"]} == {change["object"] for change in plan["changes"]}
    assert values(rows(built, SILVER)) == silver
    assert values(rows(built, GOLD)) == gold
    assert report["counts"]["bronze"] == report["counts"]["silver"] + report["counts"]["silver_quarantined"] + report["counts"]["duplicates"] == 6
    assert run_report(built)["published"] is False
    tarn("verify", "-C", built)


def test_a_gold_change_leaves_silver_alone(built, run_report):
    shop.edit(built, "gold/gold_kinds.sql", "sum(amount)", "max(amount)")
    changed = {change["object"] for change in run_report(built)["changes"]}
    assert changed == {"gold_kinds"}


def test_removed_columns_and_changed_types_are_named(built, run_report):
    shop.edit(built, "gold/gold_kinds.sql", "sum(amount)::BIGINT AS total", "count(*)::DOUBLE AS orders_as_double")
    shop.edit(built, "silver/silver_orders.sql", "(raw_payload->>'amount')::INTEGER AS amount", "(raw_payload->>'amount')::BIGINT AS amount")
    told = [(change["object"], change["what"]) for change in run_report(built)["changes"]]
    assert any(name == "gold_kinds" and "total" in what and "removed" in what for name, what in told)
    assert any(name == "silver_orders" and all(word in what for word in ("amount", "INTEGER", "BIGINT")) for name, what in told)


def test_a_new_and_a_removed_model(built, run_report, rows):
    (built / "gold" / "gold_total.sql").write_text("/*\nkind: gold\n*/\nSELECT sum(amount)::BIGINT AS total FROM silver_orders\n")
    assert "gold_total" in {change["object"] for change in run_report(built)["changes"]}
    assert rows(built, "SELECT * FROM gold_total") == [{"total": 45}]

    (built / "gold" / "gold_total.sql").unlink()
    assert "gold_total" in {change["object"] for change in run_report(built)["changes"]}
    tables = rows(built, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY 1")
    assert [row["table_name"] for row in tables] == ["bronze_orders", "gold_kinds", "silver_orders"]


def test_notes_and_formatting_rebuild_nothing(built, run_report):
    shop.edit(built, "gold/gold_kinds.sql", "kind: gold\n", "kind: gold\ndescription: Orders by kind.\n")
    report = run_report(built)
    assert not any("rebuilt" in (change.get("action") or "") for change in report["changes"])


def test_new_records_and_a_change_in_one_run(built, tarn, run_report, rows):
    (built / "events" / "more.ndjson").write_text(shop.ndjson([("6", "milk", 7), ("1", "milk", 99), ("7", "tea", "y")]))
    shop.edit(built, "silver/silver_orders.sql", "quality_score >= 50", "quality_score >= 90")
    run_report(built)
    assert values(rows(built, SILVER)) == [("1", "tea", 10, 100), ("4", "milk", 30, 100)]
    assert values(rows(built, GOLD)) == [("milk", 1, 30), ("tea", 1, 10)]
    tarn("verify", "-C", built)
