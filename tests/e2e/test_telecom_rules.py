"""The shipped project's rules, case by case: what the data dictionary says of blanks, date-times, ranges and required fields.

All events go through one run; each test looks at its own."""
import json

import pytest

GOOD = {"event_id": "e", "event_type": "OSS", "source_system": "ran-07", "subscriber_id": "sub-1",
        "event_timestamp": "2026-01-01T00:00:00Z", "payload": {"signal_dbm": -70, "latency_ms": 20}}
ABSENT = object()


def event(**changes):
    return {key: value for key, value in {**GOOD, **changes}.items() if value is not ABSENT}


def oss(**changes):
    return event(payload={**GOOD["payload"], **changes})


def bss(**changes):
    payload = {"plan": "p", "bill_amount_zmw": 1, **changes}
    return event(event_type="BSS", payload={key: value for key, value in payload.items() if value is not ABSENT})


BLANKS = {"null": None, "absent": ABSENT, "empty": "", "spaces": "  ", "tab_and_line_feed": "\t\n", "vertical_tab": "\v",
          "no_break_space": "\u00a0", "ideographic_space": "\u3000", "next_line": "\u0085"}
WORDS = {"letter": "a", "behind_spaces": " \t a", "umlaut": "ü", "emoji": "\U0001f600", "zero_width_space": "\u200b", "nul": "\0",
         "tilde": "~~", "number": 7}

# text: what silver stores (UTC), None where it is no date-time
TIMESTAMPS = {
    "2026-01-01T02:00:00": "2026-01-01 02:00:00", "2026-01-01 02:00:00": "2026-01-01 02:00:00", "2026-01-01T02:00": "2026-01-01 02:00:00",
    "2026-01-01T02:00:00Z": "2026-01-01 02:00:00", "2026-01-01T02:00Z": "2026-01-01 02:00:00",
    "2026-01-01T02:00:00+02:00": "2026-01-01 00:00:00", "2026-01-01T02:00+02:00": "2026-01-01 00:00:00",
    "2026-01-01T02:00:00+02": "2026-01-01 00:00:00", "2026-01-01T02:00:00-05:30": "2026-01-01 07:30:00",
    "2026-01-01T02:00:00.5Z": "2026-01-01 02:00:00.5", "2026-01-01T02:00:00.123456789": "2026-01-01 02:00:00.123456",
    "2024-02-29T23:59:59Z": "2024-02-29 23:59:59",
    "2026-01-01": None, "2026-01-01T02": None, "2026-02-29T00:00:00": None, "2026-13-01T00:00:00": None, "2026-00-10T00:00:00": None,
    "2026-04-31T00:00:00": None, "2026-01-01T24:00:00": None, "2026-01-01T02:60:00": None, "2026-01-01T02:00:60": None,
    "2026-01-01T02:00:00.": None, "2026-01-01T02:00:00+2": None, "2026-01-01T02:00:00+0200": None, "2026-01-01T02:00:00+24:00": None,
    "2026-01-01T02:00:00+02:60": None, "2026-01-01T02:00:00 UTC": None, "2026-01-01T02:00:00 Europe/Paris": None, "2026-01-01t02:00:00z": None,
    " 2026-01-01T02:00:00": None, "2026-01-01T02:00:00 ": None, "2026/01/01T02:00:00": None, "26-01-01T02:00:00": None,
    "12026-01-01T02:00:00": None, "infinity": None, "-infinity": None, "epoch": None, "now": None, "1767225600": None, "": None,
    "2026-01-01T02:00:00\n": None,
}

# name: (event, the reasons that it gets)
CASES = {
    "good": (event(), []),
    **{f"event_id_{name}": (event(event_id=value), ["missing_event_id"]) for name, value in BLANKS.items()},
    **{f"subscriber_{name}": (event(subscriber_id=value), ["missing_subscriber"]) for name, value in BLANKS.items()},
    **{f"source_{name}": (event(source_system=value), ["missing_source"]) for name, value in BLANKS.items()},
    **{f"source_is_{name}": (event(source_system=value), []) for name, value in WORDS.items()},
    **{f"time_{text}": (event(event_timestamp=text), [] if utc else ["bad_timestamp"]) for text, utc in TIMESTAMPS.items()},
    "time_absent": (event(event_timestamp=ABSENT), ["bad_timestamp"]),
    "time_number": (event(event_timestamp=1767225600), ["bad_timestamp"]),
    "type_lower_case": (event(event_type="oss"), ["unknown_type"]),
    "type_with_blank": (event(event_type="OSS "), ["unknown_type"]),
    "type_absent": (event(event_type=ABSENT), ["unknown_type"]),
    "payload_absent": (event(payload=ABSENT), ["payload_missing"]),
    "payload_null": (event(payload=None), ["payload_missing"]),
    "payload_text": (event(payload="{}"), ["payload_missing"]),
    "payload_list": (event(payload=[GOOD["payload"]]), ["payload_missing"]),
    "payload_number": (event(payload=7), ["payload_missing"]),
    "payload_empty": (event(payload={}), ["payload_incomplete"]),
    "oss_without_signal": (event(payload={"latency_ms": 1}), ["payload_incomplete"]),
    "oss_latency_null": (oss(latency_ms=None), ["payload_incomplete"]),
    "oss_latency_empty_text": (oss(latency_ms=""), []),
    "bss_without_plan": (bss(plan=ABSENT), ["payload_incomplete"]),
    "bss_without_bill": (bss(bill_amount_zmw=ABSENT), ["payload_incomplete"]),
    "bss_without_status": (bss(), []),
    "iot_without_battery": (event(event_type="IoT", payload={}), ["payload_incomplete"]),
    "unknown_type_is_not_checked_for_fields": (event(event_type="X", payload={}), ["unknown_type"]),
    "lowest_signal": (oss(signal_dbm=-140), []),
    "signal_too_low": (oss(signal_dbm=-141), ["out_of_range"]),
    "signal_too_high": (oss(signal_dbm=-19.9), ["out_of_range"]),
    "signal_as_text": (oss(signal_dbm="-141"), ["out_of_range"]),
    "signal_no_number": (oss(signal_dbm="weak"), []),
    "signal_of_another_type": (bss(signal_dbm=0), ["out_of_range"]),
    "latency_highest": (oss(latency_ms=60000), []),
    "latency_too_high": (oss(latency_ms=60001), ["out_of_range"]),
    "loss_too_high": (oss(packet_loss_pct=100.01), ["out_of_range"]),
    "battery_too_low": (event(event_type="IoT", payload={"battery_pct": -1}), ["out_of_range"]),
    "bill_negative": (bss(bill_amount_zmw=-0.01), ["out_of_range"]),
    "data_negative": (bss(data_used_mb=-1), ["out_of_range"]),
    "overdue_negative": (bss(days_overdue=-1), ["out_of_range"]),
    "several": (event(subscriber_id="", event_timestamp="x", payload={"latency_ms": -1}),
                ["missing_subscriber", "bad_timestamp", "payload_incomplete", "out_of_range"]),
}
# Silver's casts: a payload and the value of the column, or the column that is named where it does not cast.
CASTS = {
    "whole_text": (oss(latency_ms="12"), "oss_latency_ms", 12),
    "rounded": (oss(latency_ms=12.7), "oss_latency_ms", 13),
    "no_number": (oss(latency_ms="lots"), "oss_latency_ms", None),
    "too_large": (bss(data_used_mb=3000000000), "bss_data_used_mb", None),
    "bill_with_many_digits": (bss(bill_amount_zmw=12.34567), "bss_bill_zmw", 12.3457),
    "bill_of_the_largest_size": (bss(bill_amount_zmw=99999999999999.9999), "bss_bill_zmw", None),
    "bill_just_below": (bss(bill_amount_zmw=99999999999999.99), "bss_bill_zmw", 99999999999999.98),
    "bill_infinite": (bss(bill_amount_zmw="inf"), "bss_bill_zmw", None),
    "bill_not_a_number": (bss(bill_amount_zmw="nan"), "bss_bill_zmw", None),
    "bill_beyond_double": (bss(bill_amount_zmw="1e400"), "bss_bill_zmw", None),
    "other_types_are_null": (oss(plan="p"), "bss_plan", ...),
}


@pytest.fixture(scope="module")
def result(tarn, tmp_path_factory):
    """One run over all events, each named by `name` (a field that lands in extra)."""
    folder = tmp_path_factory.mktemp("telecom") / "p"
    tarn("init", folder)
    events = [{"name": name, **case[0]} for name, case in {**CASES, **CASTS}.items()]
    for number, one in enumerate(events):
        if one.get("event_id") == "e":
            one["event_id"] = f"e{number}"
    tarn("run", "-C", folder, "--from", "-", input="".join(json.dumps(one) + "\n" for one in events))

    def rows(sql):
        return json.loads(tarn("query", "-C", folder, "--format", "json", sql).stdout)

    bronze = {row["name"]: row for row in rows(
        "SELECT extra->>'name' AS name, seq, quality_score, quality_reasons FROM bronze_raw_events LIMIT 1000")}
    silver = {row["seq"]: row for row in rows("SELECT *, event_timestamp::VARCHAR AS utc FROM silver_clean_events LIMIT 1000")}
    refused = {row["seq"]: row["columns"] for row in rows(
        "SELECT seq, list_transform(reasons, lambda r: r.column_name) AS columns FROM tarn.quarantine WHERE layer = 'silver' LIMIT 1000")}
    gold = rows("SELECT * FROM gold_subscriber_features")
    return bronze, silver, refused, gold


@pytest.mark.parametrize("name", CASES)
def test_reasons(result, name):
    assert result[0][name]["quality_reasons"] == CASES[name][1]


@pytest.mark.parametrize("text", [text for text, utc in TIMESTAMPS.items() if utc])
def test_silver_stores_utc(result, text):
    bronze, silver, _, _ = result
    assert silver[bronze[f"time_{text}"]["seq"]]["utc"] == TIMESTAMPS[text]


@pytest.mark.parametrize("name", CASTS)
def test_casts(result, name):
    bronze, silver, refused, _ = result
    _, column, value = CASTS[name]
    seq = bronze[name]["seq"]
    if value is None:
        assert seq not in silver and refused[seq] == [column]
    else:
        assert silver[seq][column] == (None if value is ... else value)


def test_score_is_what_is_left_and_never_negative(result):
    assert result[0]["several"]["quality_score"] == 0 and result[0]["good"]["quality_score"] == 100


def test_subscribers_differ_by_no_case_and_a_huge_bill_spoils_no_mean(result):
    row, = [row for row in result[3] if row["subscriber_id"] == "SUB-1"]
    assert row["total_events"] == len(result[1]) and row["avg_bill_zmw"] > 1e12
