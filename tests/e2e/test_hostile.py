"""Hostile input: the right rows are kept, the rest is quarantined with its bytes and a reason, and nothing crashes."""
import functools
import gzip
import hashlib
import json

import pytest

from events import event, line, ndjson

NO_OBJECT = "not a JSON object"
NOT_READABLE = "not readable as JSON"
GOOD = line("good")

KEPT = "SELECT event_id FROM bronze_raw_events ORDER BY seq"
REFUSED = """
  SELECT hex(raw) AS raw, reasons[1].rule AS rule, len(reasons) AS n, raw_size FROM tarn.quarantine WHERE layer = 'bronze' ORDER BY id"""


@pytest.fixture(scope="module")
def new_folder(tarn, tmp_path_factory):
    """new_folder(name) -> a project that lasts as long as the module."""

    def make(name):
        folder = tmp_path_factory.mktemp(name) / "telecom"
        tarn("init", folder)
        return folder

    return make


@pytest.fixture(scope="module")
def ingest_into(run_report, rows):
    """ingest_into(project, bytes) -> (event_ids in bronze, [(bytes, reason)] in quarantine), as the published file holds them."""

    def run(project, content, *args, name="hostile.ndjson"):
        (project / "events" / name).write_bytes(content)
        report = run_report(project, *args)
        kept = [row["event_id"] for row in rows(project, KEPT)]
        refused = rows(project, REFUSED)
        assert report["counts"]["received"] == len(kept) + len(refused)
        assert all(row["n"] == 1 and row["raw_size"] == len(row["raw"]) // 2 for row in refused)
        return kept, [(bytes.fromhex(row["raw"]), row["rule"]) for row in refused]

    return run


@pytest.fixture
def ingest(ingest_into, project):
    return functools.partial(ingest_into, project)


def nested(depth):
    """An event whose deepest value lies depth levels deep; the event itself is level 1."""
    return line("deep")[:-1] + b', "x": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


# Lines that are no events: (id, line, reason). Each is offered between two good lines.
REFUSED_LINES = [
    ("number", b"42", NO_OBJECT),
    ("string", b'"s"', NO_OBJECT),
    ("null", b"null", NO_OBJECT),
    ("array", b'[{"event_id": "x"}]', NO_OBJECT),
    ("words", b"not json", NO_OBJECT),
    ("only white space", b"  \t ", NO_OBJECT),
    ("truncated", b'{"event_id": "x', NO_OBJECT),
    ("behind the object", b'{"a":1}}', NO_OBJECT),
    ("two objects", b'{"a":1} {"b":2}', NO_OBJECT),
    ("trailing comma", b'{"a":1,}', NO_OBJECT),
    ("single quotes", b"{'a':1}", NO_OBJECT),
    ("comment", b'{"a":1} // x', NO_OBJECT),
    ("NaN", b'{"payload":{"signal_dbm":NaN}}', NO_OBJECT),
    ("Infinity", b'{"a":Infinity}', NO_OBJECT),
    ("minus Infinity", b'{"a":-Infinity}', NO_OBJECT),
    ("leading zero", b'{"a":01}', NO_OBJECT),
    ("plus sign", b'{"a":+1}', NO_OBJECT),
    ("bare point", b'{"a":1.}', NO_OBJECT),
    ("NUL in a string", b'{"a":"b\x00c"}', NO_OBJECT),
    ("NUL between tokens", b'{"a":\x001}', NO_OBJECT),
    ("NUL bytes alone", b"\x00\x00\x00", NO_OBJECT),
    ("tab in a string", b'{"a":"b\tc"}', NO_OBJECT),
    ("carriage return within", b'{"a":"b\rc"}', NO_OBJECT),
    ("byte-order mark in mid-file", b'\xef\xbb\xbf{"a":1}', NO_OBJECT),
    ("invalid UTF-8", b'{"a":"\xff\xfe"}', NO_OBJECT),
    ("overlong UTF-8", b'{"a":"\xc0\xaf"}', NO_OBJECT),
    ("UTF-8 of a surrogate", b'{"a":"\xed\xa0\x80"}', NO_OBJECT),
    ("cut UTF-8", b'{"a":"\xc3"}', NO_OBJECT),
    ("UTF-8 beyond U+10FFFF", b'{"a":"\xf5\x80\x80\x80"}', NO_OBJECT),
    ("invalid UTF-8 in a key", b'{"\xff":1}', NO_OBJECT),
    ("bad escape", b'{"a":"\\q"}', NO_OBJECT),
    ("lone high surrogate", b'{"a":"\\ud800"}', NOT_READABLE),
    ("lone low surrogate", b'{"a":"\\udc00x"}', NOT_READABLE),
    ("swapped surrogates", b'{"a":"\\udc00\\ud800"}', NOT_READABLE),
    ("one level too deep", nested(65), NO_OBJECT),
    ("200,000 levels deep", nested(200_000), NO_OBJECT),
    ("200,000 open brackets", b'{"a":' * 200_000, NO_OBJECT),
]


def ids(cases):
    return [case[0] for case in cases]


@pytest.fixture(scope="module")
def among_refused(ingest_into, new_folder):
    """What became of a file in which each of REFUSED_LINES stands before a good one."""
    content = b"".join(ndjson(case[1], line(f"behind-{number}")) for number, case in enumerate(REFUSED_LINES))
    return ingest_into(new_folder("refused"), content)


def test_the_good_lines_among_refused_ones_are_kept(among_refused):
    kept, refused = among_refused
    assert kept == [f"behind-{number}" for number in range(len(REFUSED_LINES))]
    assert len(refused) == len(REFUSED_LINES)


@pytest.mark.parametrize("number", range(len(REFUSED_LINES)), ids=ids(REFUSED_LINES))
def test_refused_with_bytes_and_reason(among_refused, number):
    assert among_refused[1][number] == REFUSED_LINES[number][1:]


# Lines that are events all the same: (id, line, event_id in bronze).
KEPT_LINES = [
    ("64 levels", nested(64), "deep"),
    ("white space around", b" \t" + line("spaced") + b" ", "spaced"),
    ("duplicate key: the first counts", b'{"event_id": "first", "event_id": "second"}', "first"),
    ("escaped key", b'{"event\\u005fid": "x"}', "x"),
    ("escapes in the value", b'{"event_id": "\\u00e9\\ud83d\\ude00\\n\\"\\/"}', "é😀\n\"/"),
    ("raw UTF-8", '{"event_id": "família ✓ 😀"}'.encode(), "família ✓ 😀"),
    ("U+2028", '{"event_id": "a\u2028b"}'.encode(), "a\u2028b"),
    ("number as id", b'{"event_id": 12345}', "12345"),
    ("number's text is kept", b'{"event_id": 1.50e3}', "1.50e3"),
    ("true as id", b'{"event_id": true}', "true"),
    ("object as id", b'{"event_id": {"a":1}}', '{"a":1}'),
    ("null as id", b'{"event_id": null}', None),
    ("no id", b'{"a": 1}', None),
    ("no fields", b"{}", None),
    ("1e400", b'{"event_id": "big", "x": 1e400}', "big"),
    ("integer of 400 digits", b'{"event_id": "digits", "x": ' + b"9" * 400 + b"}", "digits"),
    ("tiny number", b'{"event_id": "tiny", "x": -1e-400}', "tiny"),
    ("string of 1,000,000 bytes", b'{"event_id": "long", "x": "' + b"x" * 1_000_000 + b'"}', "long"),
    ("envelope field of 100,000 bytes", b'{"event_id": "' + b"i" * 100_000 + b'"}', "i" * 100_000),
    ("5,000 fields", json.dumps({"event_id": "wide", **{f"f{i}": i for i in range(5000)}}).encode(), "wide"),
    ("empty key", b'{"": 1, "event_id": "x"}', "x"),
    ("payload that is no object", b'{"event_id": "x", "payload": [1, 2]}', "x"),
    ("SQL in a value", b'{"event_id": "\'; DROP TABLE bronze_raw_events; --"}', "'; DROP TABLE bronze_raw_events; --"),
]


@pytest.fixture(scope="module")
def odd_events(ingest_into, new_folder):
    return ingest_into(new_folder("kept"), ndjson(*(case[1] for case in KEPT_LINES)))


def test_odd_events_are_not_refused(odd_events):
    kept, refused = odd_events
    assert (len(kept), refused) == (len(KEPT_LINES), [])


@pytest.mark.parametrize("number", range(len(KEPT_LINES)), ids=ids(KEPT_LINES))
def test_kept(odd_events, number):
    assert odd_events[0][number] == KEPT_LINES[number][2]


def test_escaped_nul_is_legal_json(project, ingest, rows):
    kept, refused = ingest(ndjson(b'{"event_id": "x", "payload": {"plan": "a\\u0000b"}}'))
    assert (kept, refused) == (["x"], [])
    assert rows(project, "SELECT raw_payload::VARCHAR AS p FROM bronze_raw_events") == [{"p": '{"plan": "a\\u0000b"}'}]


# How lines end and files begin: (id, content, kept ids, refused bytes).
FILES = [
    ("byte-order mark", b"\xef\xbb\xbf" + ndjson(line("a")), ["a"], []),
    ("byte-order mark alone", b"\xef\xbb\xbf", [], []),
    ("CR LF", line("a") + b"\r\n" + line("b") + b"\r\n", ["a", "b"], []),
    ("CR LF of a refused line", b"bad\r\n" + GOOD + b"\r\n", ["good"], [b"bad"]),
    ("two CR", b"bad\r\r\n", [], [b"bad\r"]),
    ("empty lines", b"\n\r\n\n" + ndjson(line("a")) + b"\n\n" + ndjson(line("b")) + b"\r\n\n", ["a", "b"], []),
    ("only empty lines", b"\n\r\n\n", [], []),
    ("empty file", b"", [], []),
    ("CR alone is no line end", line("a") + b"\r" + line("b") + b"\n", [], [line("a") + b"\r" + line("b")]),
]


@pytest.mark.parametrize("content, kept, refused", [case[1:] for case in FILES], ids=ids(FILES))
def test_line_ends_and_beginnings(ingest, content, kept, refused):
    assert ingest(content) == (kept, [(raw, NO_OBJECT) for raw in refused])


def test_an_unterminated_last_line_waits_or_is_taken_as_final(project, ingest, run_report):
    kept, _ = ingest(ndjson(line("a")) + line("b"))
    assert kept == ["a"]
    assert run_report(project)["pending_bytes"] == len(line("b"))
    kept, _ = ingest(ndjson(line("a")) + line("b"), "--final")
    assert kept == ["a", "b"]


def test_compressed_files_have_no_pending_line(ingest):
    kept, _ = ingest(gzip.compress(line("a") + b"\n" + line("b")), name="e.ndjson.gz")
    assert kept == ["a", "b"]


@pytest.mark.parametrize("size", [(1 << 20) + 1, 5_000_000], ids=["just above 1 MiB", "5 MB"])
def test_an_oversize_record_is_quarantined_with_its_beginning(project, run_report, rows, size):
    record = b'{"event_id": "' + b"x" * (size - 16) + b'"}'
    assert len(record) == size
    (project / "events" / "big.ndjson").write_bytes(ndjson(line("a"), record, line("b")))
    assert run_report(project)["counts"]["bronze_quarantined"] == 1
    assert [row["event_id"] for row in rows(project, KEPT)] == ["a", "b"]
    assert rows(project, "SELECT md5(raw) AS raw, octet_length(raw) AS kept, raw_size, raw_sha256, source_offset FROM tarn.quarantine") == [{
        "raw": hashlib.md5(record[:65536]).hexdigest(), "kept": 65536, "raw_size": size, "raw_sha256": hashlib.sha256(record).hexdigest(),
        "source_offset": len(line("a")) + 1}]


def test_a_record_of_exactly_the_limit_is_kept(ingest):
    record = b'{"event_id": "' + b"x" * ((1 << 20) - 16) + b'"}'
    assert len(record) == 1 << 20
    kept, refused = ingest(ndjson(record))
    assert (len(kept), refused) == (1, [])


# Numbers that silver cannot hold: (id, payload as JSON text, the column that is named).
MALFORMED = [
    ("1e400", "BSS", b'{"plan":"p","bill_amount_zmw":1e400}', "bss_bill_zmw"),
    ("beyond 1e14", "BSS", b'{"plan":"p","bill_amount_zmw":1e15}', "bss_bill_zmw"),
    ("NaN as a string", "BSS", b'{"plan":"p","bill_amount_zmw":"NaN"}', "bss_bill_zmw"),
    ("infinity as a string", "OSS", b'{"signal_dbm":-70,"latency_ms":1,"packet_loss_pct":"infinity"}', "oss_packet_loss_pct"),
    ("integer of 30 digits", "BSS", b'{"plan":"p","bill_amount_zmw":1,"data_used_mb":123456789012345678901234567890}', "bss_data_used_mb"),
    ("words for a number", "BSS", b'{"plan":"p","bill_amount_zmw":1,"data_used_mb":"lots"}', "bss_data_used_mb"),
    ("object for a number", "IoT", b'{"battery_pct":{"a":1}}', "iot_battery_pct"),
    ("true for a DECIMAL", "OSS", b'{"signal_dbm":-70,"latency_ms":1,"packet_loss_pct":"x"}', "oss_packet_loss_pct"),
]


@pytest.fixture(scope="module")
def malformed(ingest_into, new_folder, rows):
    """The project after a run over one event for each case; its event_id is the case's."""
    project = new_folder("malformed")
    lines = [json.dumps({**event(name, kind), "payload": "PAYLOAD"}).encode().replace(b'"PAYLOAD"', payload) for name, kind, payload, _ in MALFORMED]
    assert ingest_into(project, ndjson(*lines, line("good"))) == ([*ids(MALFORMED), "good"], [])
    assert rows(project, "SELECT event_id FROM silver_clean_events") == [{"event_id": "good"}]
    return project


@pytest.mark.parametrize("name, column", [(case[0], case[3]) for case in MALFORMED], ids=ids(MALFORMED))
def test_values_that_silver_cannot_hold_name_the_column(malformed, rows, name, column):
    refused = rows(malformed, f"""
      SELECT unnest(reasons, recursive := true) FROM tarn.quarantine JOIN bronze_raw_events USING (seq)
      WHERE layer = 'silver' AND event_id = '{name}'""")
    assert [row["column_name"] for row in refused] == [column]
    assert refused[0]["rule"].startswith("malformed: ") and refused[0]["value"]


def test_several_reasons_are_all_listed_once(project, ingest, rows):
    text = line("x", "BSS", {"data_used_mb": "lots", "days_overdue": "x" * 1000}, subscriber_id=" ")
    ingest(ndjson(text))
    reasons = rows(project, "SELECT unnest(reasons, recursive := true) FROM tarn.quarantine")
    malformed = [(row["column_name"], row["value"][:4]) for row in reasons if row["column_name"]]
    assert malformed == [("bss_data_used_mb", "lots"), ("bss_days_overdue", "xxxx")]
    assert all(len(row["value"]) <= 200 for row in reasons)
    filters = [row["rule"] for row in reasons if not row["column_name"]]
    assert len(filters) == len(set(filters)) == 1 and "missing_subscriber" in filters[0]


# The beginning of a file is what it is known by, so beginnings that say little must not make two files one.
@pytest.mark.parametrize("beginning", [b"", b"{", b'{"event_id"', b"\n"], ids=["empty", "one byte", "a few bytes", "a newline"])
def test_a_short_beginning_is_not_mistaken_for_another_file(project, run_report, rows, beginning):
    inbox = project / "events"
    (inbox / "a.ndjson").write_bytes(beginning)
    run_report(project)
    (inbox / "b.ndjson").write_bytes(beginning + ndjson(line("b"))[len(beginning.strip()):])
    run_report(project)
    (inbox / "a.ndjson").write_bytes(beginning + ndjson(line("a"))[len(beginning.strip()):])
    run_report(project)
    assert sorted(row["event_id"] for row in rows(project, KEPT)) == ["a", "b"]
