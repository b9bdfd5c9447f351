"""What an answer looks like: JSON, NDJSON, CSV and Parquet by Accept or ?format=, gzip, downloads. docs/encoding.md tells how values are written;
tests/unit/test_rows.c holds every line of it, tests/unit/test_parquet.c every type's way through Parquet."""
import csv
import gzip
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import zlib

import pytest

from conftest import ROOT, TIMEOUT, program

SUBSCRIBERS = "/api/v1/subscribers?limit=5"
PARQUET = "application/vnd.apache.parquet"
MEDIA = {"json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv; charset=utf-8", "parquet": PARQUET}

# One column per DuckDB type: its SQL, its JSON, its CSV field, its type in Parquet.
TYPES = {
    "yes": ("true", "true", "true", "BOOLEAN"),
    "tiny": ("(-128)::TINYINT", "-128", "-128", "TINYINT"),
    "big": ("9223372036854775807", "9223372036854775807", "9223372036854775807", "BIGINT"),
    "ubig": ("18446744073709551615::UBIGINT", "18446744073709551615", "18446744073709551615", "UBIGINT"),
    "huge": ("'-170141183460469231731687303715884105728'::HUGEINT", "-170141183460469231731687303715884105728",
             "-170141183460469231731687303715884105728", "VARCHAR"),
    "uhuge": ("340282366920938463463374607431768211455::UHUGEINT", "340282366920938463463374607431768211455",
              "340282366920938463463374607431768211455", "VARCHAR"),
    "price": ("1.10::DECIMAL(10, 2)", "1.10", "1.10", "DECIMAL(10,2)"),
    "wide": ("'-1234567890123456789012345678901234.5678'::DECIMAL(38, 4)", "-1234567890123456789012345678901234.5678",
             "-1234567890123456789012345678901234.5678", "DECIMAL(38,4)"),
    "single": ("0.1::FLOAT", "0.1", "0.1", "FLOAT"),
    "real": ("3.0::DOUBLE", "3.0", "3.0", "DOUBLE"),
    "not_a_number": ("'nan'::DOUBLE", "null", "", "DOUBLE"),
    "endless": ("'-inf'::FLOAT", "null", "", "FLOAT"),
    "word": ("'say \"hi\", 1'", '"say \\"hi\\", 1"', '"say ""hi"", 1"', "VARCHAR"),
    "blank": ("''", '""', '""', "VARCHAR"),
    "nothing": ("NULL::VARCHAR", "null", "", "VARCHAR"),
    "level": ("'high'::ENUM('low', 'high')", '"high"', "high", "VARCHAR"),
    "code": ("'00112233-4455-6677-8899-aabbccddeeff'::UUID", '"00112233-4455-6677-8899-aabbccddeeff"', "00112233-4455-6677-8899-aabbccddeeff", "UUID"),
    "day": ("DATE '2026-01-31'", '"2026-01-31"', "2026-01-31", "DATE"),
    "moment": ("TIMESTAMP '2026-01-01 00:00:00.25'", '"2026-01-01T00:00:00.25Z"', "2026-01-01T00:00:00.25Z", "TIMESTAMP"),
    "zoned": ("TIMESTAMPTZ '2026-01-01 02:00:00+02:00'", '"2026-01-01T00:00:00Z"', "2026-01-01T00:00:00Z", "TIMESTAMP WITH TIME ZONE"),
    "fine": ("'2026-01-01 00:00:01.000000003'::TIMESTAMP_NS", '"2026-01-01T00:00:01.000000003Z"', "2026-01-01T00:00:01.000000003Z", "TIMESTAMP_NS"),
    "for_ever": ("'infinity'::TIMESTAMP", "null", "", "TIMESTAMP"),
    "clock": ("TIME '23:59:59.5'", '"23:59:59.5"', "23:59:59.5", "TIME"),
    "clock_zoned": ("'01:02:03.5+05:30'::TIMETZ", '"01:02:03.5+05:30"', "01:02:03.5+05:30", "VARCHAR"),
    "span": ("INTERVAL '14 months 3 days 04:05:06.789012'", '"P1Y2M3DT4H5M6.789012S"', "P1Y2M3DT4H5M6.789012S", "VARCHAR"),
    "bytes": ("'\\x00\\xFF'::BLOB", '"AP8="', "AP8=", "BLOB"),
    "bits": ("'0110101'::BIT", '"0110101"', "0110101", "VARCHAR"),
    "doc": ("'{\"a\": [1, 2]}'::JSON", '{"a": [1, 2]}', '"{""a"": [1, 2]}"', "JSON"),
    "list": ("[1, NULL, 3]", "[1,null,3]", '"[1,null,3]"', "INTEGER[]"),
    "array": ("[1, 2]::INTEGER[2]", "[1,2]", '"[1,2]"', "INTEGER[]"),
    "pair": ("{'a': 1, 'b': 2::HUGEINT}", '{"a":1,"b":2}', '"{""a"":1,""b"":2}"', "STRUCT(a INTEGER, b VARCHAR)"),
    "lookup": ("MAP {'k': [1]}", '{"k":[1]}', '"{""k"":[1]}"', "MAP(VARCHAR, INTEGER[])"),
    "either": ("union_value(n := 2)::UNION(n INTEGER, s VARCHAR)", '{"n":2}', '"{""n"":2}"', "JSON"),
}

ENDPOINTS = {
    "types": "/*---\nroute: /api/v1/types\n---*/\nSELECT " + ", ".join(f"{sql} AS {name}" for name, (sql, *_) in TYPES.items()),
    "numbers": "/*---\nroute: /api/v1/numbers\nparams:\n  n: {type: integer, default: 300000}\n---*/\n"
               "SELECT i, i * 0.5 AS half, 'row ' || i AS word FROM range($n) t(i) ORDER BY i;",
    "many": "/*---\nroute: /api/v1/many\nparams:\n  n: {type: integer, required: true}\n---*/\nSELECT i, i * 0.5 AS half, 'row ' || i AS word FROM range($n) t(i)",
    "refused": "/*---\nroute: /api/v1/refused\n---*/\nSELECT 1::VARIANT AS v",
}


@pytest.fixture(scope="module")
def published(tarn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats") / "telecom"
    tarn("init", folder)
    for name, text in ENDPOINTS.items():
        (folder / "api" / f"{name}.sql").write_text(text)
    tarn("run", "-C", folder, "--from", ROOT / "tests/acceptance/events.ndjson", "--final")
    return folder


@pytest.fixture(scope="module")
def server(serve_module, published):
    return serve_module(published)


@pytest.fixture
def read_parquet(tmp_path):
    """read_parquet(bytes, "SELECT ... FROM $file") -> rows as lists, read by DuckDB."""

    def read(content, sql):
        path = tmp_path / "rows.parquet"
        path.write_bytes(content)
        reader = pathlib.Path(program()).parent / "tests/programs/read_parquet"
        done = subprocess.run([reader, tmp_path, sql.replace("$file", f"'{path}'")], capture_output=True, timeout=TIMEOUT)
        assert done.returncode == 0, done.stderr.decode()[-600:]
        return [list(row.values()) for row in json.loads(done.stdout)]

    return read


def get(server, path, accept=None, encoding="identity", status=200):
    headers = {"Accept-Encoding": encoding, **({"Accept": accept} if accept else {"Accept": "*/*"})}
    response = server.get(path, headers=headers)
    assert response.status_code == status, response.text[:500]
    return response


# ---- which format ----

@pytest.mark.parametrize("accept, query, format", [
    (None, "", "json"),
    ("text/csv", "", "csv"),
    ("application/x-ndjson", "", "ndjson"),
    ("application/json;q=0.5, text/csv;q=0.6", "", "csv"),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "", "json"),
    ("application/json", "&format=csv", "csv"),
    (None, "&format=ndjson", "ndjson"),
    (None, "&format=json", "json"),
    (None, "&format=parquet", "parquet"),
    (PARQUET, "", "parquet"),
])
def test_format(server, accept, query, format):
    response = get(server, SUBSCRIBERS + query, accept)
    assert response.headers["Content-Type"] == MEDIA[format]
    assert "Accept" in response.headers["Vary"]
    if format == "json":
        assert "Content-Disposition" not in response.headers
    else:
        assert response.headers["Content-Disposition"] == f'attachment; filename="subscribers-g1.{format}"'


def test_not_acceptable(server):
    problem = get(server, SUBSCRIBERS, "text/html", status=406).json()
    assert [one["format"] for one in problem["formats"]] == list(MEDIA) and "?format=" in problem["hint"]


@pytest.mark.parametrize("query, hint", [("format=cvs", "did you mean csv?"), ("format=xml", "the member formats lists"), ("format=", "lists"),
                                         ("format=csv&format=json", "give it once")])
def test_unknown_format(server, query, hint):
    assert hint in get(server, f"{SUBSCRIBERS}&{query}", status=422).json()["hint"]


def test_every_format_has_an_entity_tag_of_its_own(server):
    tags = {get(server, f"{SUBSCRIBERS}&format={name}", encoding=encoding).headers["ETag"] for name in MEDIA for encoding in ("identity", "gzip")}
    assert len(tags) == 7  # Parquet is compressed anyhow
    tag = get(server, SUBSCRIBERS + "&format=csv").headers["ETag"]
    assert server.get(SUBSCRIBERS + "&format=csv", headers={"If-None-Match": tag, "Accept-Encoding": "identity"}).status_code == 304


# ---- values ----

def test_every_type_in_json(server):
    body = get(server, "/api/v1/types").text
    assert body == "[{" + ",".join(f'"{name}":{text}' for name, (_, text, _, _) in TYPES.items()) + "}]\n"
    json.loads(body, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_every_type_in_ndjson(server):
    assert get(server, "/api/v1/types?format=ndjson").text == "{" + ",".join(f'"{name}":{text}' for name, (_, text, _, _) in TYPES.items()) + "}\n"


def test_every_type_in_csv(server):
    header, row = (",".join(texts) for texts in (TYPES, (text for _, _, text, _ in TYPES.values())))
    assert get(server, "/api/v1/types?format=csv").content.decode() == f"{header}\r\n{row}\r\n"


def test_every_type_in_parquet(server, read_parquet):
    content = get(server, "/api/v1/types?format=parquet").content
    assert content[:4] == content[-4:] == b"PAR1"
    kinds = read_parquet(content, "SELECT " + ", ".join(f'typeof("{name}") AS "{name}"' for name in TYPES) + " FROM $file")[0]
    assert dict(zip(TYPES, kinds)) == {name: kind for name, (_, _, _, kind) in TYPES.items()}
    same = read_parquet(content, "SELECT " + ", ".join(
        f"either::VARCHAR = '{{\"n\":2}}'" if name == "either" else f'"{name}"::VARCHAR IS NOT DISTINCT FROM ({sql})::VARCHAR' for name, (sql, *_) in TYPES.items())
        + " FROM $file")[0]
    assert [name for name, one in zip(TYPES, same) if not one] == []


def test_a_type_without_encoding_is_told(server):
    problem = get(server, "/api/v1/refused", status=422).json()
    assert "column v has a type without an encoding" in problem["detail"] and "cast" in problem["hint"]


# ---- shapes ----

def test_formats_tell_the_same_rows(server):
    rows = get(server, SUBSCRIBERS).json()
    assert [json.loads(line) for line in get(server, SUBSCRIBERS + "&format=ndjson").text.splitlines()] == rows
    table = list(csv.DictReader(io.StringIO(get(server, SUBSCRIBERS + "&format=csv").text)))
    assert [{name: str(value) for name, value in row.items()} for row in rows] == table


@pytest.mark.parametrize("format", MEDIA)
def test_one_object_or_nothing(server, format):
    found = get(server, f"/api/v1/subscribers/SUB-00000?format={format}")
    if format == "ndjson":
        assert found.json()["subscriber_id"] == "SUB-00000" and found.text.count("\n") == 1
    if format == "csv":
        assert found.text.count("\r\n") == 2
    problem = get(server, f"/api/v1/subscribers/NOBODY?format={format}", status=404)
    assert problem.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("format, body", [("json", "[]\n"), ("ndjson", ""), ("csv", "i,half,word\r\n")])
def test_no_rows(server, format, body):
    assert get(server, f"/api/v1/numbers?n=0&format={format}").text == body


# ---- size ----

@pytest.mark.parametrize("format", ["json", "ndjson", "csv"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_long_answer_is_whole(server, format, encoding):
    response = server.get(f"/api/v1/numbers?format={format}", headers={"Accept-Encoding": encoding}, stream=True)
    raw = response.raw.read(decode_content=False)
    text = (gzip.decompress(raw) if encoding == "gzip" else raw).decode()
    assert response.headers.get("Content-Encoding") == (encoding if encoding == "gzip" else None)
    rows = json.loads(text) if format == "json" else [json.loads(line) for line in text.splitlines()] if format == "ndjson" else list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 300000 and [int(row["i"]) for row in rows] == list(range(300000))


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the sanitizer keeps freed memory")
def test_long_answers_are_not_held_in_memory(server, published):
    """150 MB of text go through a server whose memory grows by a fraction of it."""

    def resident():
        status = (open(f"/proc/{server.pid}/status").read())
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024

    get(server, "/api/v1/many?n=300000&format=ndjson")
    before, size = resident(), 0
    with server.get("/api/v1/many?n=3000000&format=ndjson", headers={"Accept-Encoding": "identity"}, stream=True) as response:
        for block in response.iter_content(1 << 20):
            size += len(block)
    assert size > 120_000_000 and resident() - before < 60_000_000 + size // 10


def test_parquet_in_order(server, read_parquet):
    content = get(server, "/api/v1/numbers?format=parquet").content
    assert read_parquet(content, "SELECT count(*) AS n, bool_and(i = file_row_number) AS ordered FROM read_parquet($file, file_row_number = true)") == [[300000, True]]


def test_table_as_parquet(server, read_parquet, rows, published):
    content = get(server, "/api/v1/tables/gold_subscriber_features?churn_label=eq.1&select=subscriber_id,total_events&format=parquet").content
    expected = rows(published, "SELECT subscriber_id, total_events FROM gold_subscriber_features WHERE churn_label = 1")
    assert sorted(read_parquet(content, "SELECT * FROM $file")) == sorted(list(row.values()) for row in expected)


@pytest.mark.parametrize("format", ["ndjson", "csv"])
def test_table_without_a_limit_is_whole(server, rows, published, format):
    text = get(server, f"/api/v1/tables/gold_subscriber_features?format={format}").text
    count = rows(published, "SELECT count(*) AS n FROM gold_subscriber_features")[0]["n"]
    assert len(text.splitlines()) == count + (format == "csv") and "Link" not in get(server, f"/api/v1/tables/gold_subscriber_features?format={format}").headers


# ---- Parquet's folder ----

def test_no_file_is_left(serve, published, tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    server = serve(published, env={"TMPDIR": str(folder)})
    get(server, SUBSCRIBERS + "&format=parquet")
    private = list(folder.iterdir())
    assert len(private) == 1 and private[0].stat().st_mode & 0o077 == 0 and not list(private[0].iterdir())
    server.stop()
    assert not list(folder.iterdir())


def test_no_folder(serve, published, tmp_path):
    server = serve(published, env={"TMPDIR": str(tmp_path / "absent")})
    problem = get(server, SUBSCRIBERS + "&format=parquet", status=503).json()
    assert "no folder for temporary files" in problem["detail"] and "TMPDIR" in problem["hint"]
    assert get(server, SUBSCRIBERS + "&format=csv").ok


def test_parquet_is_bounded(serve, published, tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(published, folder)
    config = folder / "tarn.yaml"
    config.write_text(config.read_text() + "  max_download: 100KiB\n")
    server = serve(folder)
    problem = get(server, "/api/v1/numbers?n=300000&format=parquet", status=422).json()
    assert "longer than 102400 bytes" in problem["detail"] and "CSV" in problem["hint"]
    assert get(server, "/api/v1/numbers?n=10&format=parquet").ok


# ---- gzip ----

@pytest.mark.parametrize("encoding, packed", [("gzip", True), ("gzip, deflate, br", True), ("identity", False), ("gzip;q=0", False), ("br", False)])
def test_gzip(server, encoding, packed):
    plain = get(server, SUBSCRIBERS).content
    response = server.get(SUBSCRIBERS, headers={"Accept-Encoding": encoding}, stream=True)
    raw = response.raw.read(decode_content=False)
    assert ("Content-Encoding" in response.headers) == packed and "Accept-Encoding" in response.headers["Vary"]
    assert (zlib.decompress(raw, wbits=31) if packed else raw) == plain
    assert int(response.headers["Content-Length"]) == len(raw)
