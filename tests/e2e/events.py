"""Telecom events for tests, and what a published lakehouse holds, in a form that two of them can be compared by."""
import json

PAYLOADS = {
    "BSS": {"plan": "prepaid_s", "data_used_mb": 100, "bill_amount_zmw": 10.5, "payment_status": "paid", "days_overdue": 0},
    "OSS": {"signal_dbm": -70, "latency_ms": 40, "packet_loss_pct": 0.5, "cell_id": "cell-1"},
    "IoT": {"battery_pct": 80, "device_model": "m1", "firmware": "1.0"},
}


def event(event_id="e1", event_type="OSS", payload=None, **fields):
    """A valid event as a dict; fields replace or add top-level fields, payload replaces fields of the type's payload."""
    return {"event_id": event_id, "event_type": event_type, "source_system": "test-1", "subscriber_id": "SUB-1",
            "event_timestamp": "2026-01-01T00:00:00Z", "payload": {**PAYLOADS.get(event_type, {}), **(payload or {})}, **fields}


def line(*args, **kwargs):
    """One event as a line of NDJSON, without its newline."""
    return json.dumps(event(*args, **kwargs)).encode()


def ndjson(*lines):
    return b"".join(text + b"\n" for text in lines)


COUNTS = """
  SELECT b.n + bq.n AS received, b.n AS bronze, bq.n AS bronze_quarantined, s.n AS silver, sq.n AS silver_quarantined, d.n AS duplicates, g.n AS gold
  FROM (SELECT count(*) AS n FROM bronze_raw_events) b, (SELECT count(*) AS n FROM silver_clean_events) s,
    (SELECT count(*) AS n FROM gold_subscriber_features) g, (SELECT count(*) AS n FROM tarn.duplicates) d,
    (SELECT count(*) AS n FROM tarn.quarantine WHERE layer = 'bronze') bq,
    (SELECT count(*) AS n FROM tarn.quarantine WHERE layer = 'silver') sq"""


def counts(rows, project, **kwargs):
    """The counts of expected.json, counted in the published tables; they must balance."""
    found = rows(project, COUNTS, **kwargs)[0]
    assert found["bronze"] == found["silver"] + found["silver_quarantined"] + found["duplicates"], "conservation law"
    return found


# What does not depend on when and in which files the events came. number: a bronze row's place in the order of arrival.
NUMBERED = "WITH bronze AS (SELECT *, row_number() OVER (ORDER BY seq) AS number FROM bronze_raw_events) "
TABLES = {
    "bronze": NUMBERED + "SELECT * EXCLUDE (seq, ingested_at, source_name, source_partition, source_offset) FROM bronze",
    "silver": NUMBERED + "SELECT number, s.* EXCLUDE (seq, ingested_at) FROM silver_clean_events s JOIN bronze USING (seq)",
    "gold": "SELECT * FROM gold_subscriber_features",
    "refused": NUMBERED + """
      SELECT layer, table_name, number, reasons::VARCHAR AS reasons, hex(raw) AS raw, raw_size
      FROM tarn.quarantine LEFT JOIN bronze USING (seq)""",
    "duplicates": NUMBERED + """
      SELECT table_name, b.number, k.number AS kept
      FROM tarn.duplicates d JOIN bronze b USING (seq) JOIN bronze k ON k.seq = d.kept_seq""",
}


def digests(rows, project, **kwargs):
    """The same in little: count and hash of each table's rows, whatever their order."""
    parts = (f"SELECT '{name}' AS name, count(*) AS n, bit_xor(hash(to_json(r)::VARCHAR))::VARCHAR AS hash FROM ({table}) r"
             for name, table in TABLES.items())
    return {row["name"]: (row["n"], row["hash"]) for row in rows(project, " UNION ALL ".join(parts), **kwargs)}


def contents(rows, project, **kwargs):
    """Every row of every layer as JSON text, but for times and coordinates."""
    sql = " UNION ALL ".join(f"SELECT '{name}' AS table_name, to_json(r)::VARCHAR AS text FROM ({table}) r" for name, table in TABLES.items())
    found = {name: [] for name in TABLES}
    for row in rows(project, sql, **kwargs):
        found[row["table_name"]].append(row["text"])
    return {name: sorted(texts) for name, texts in found.items()}
