"""The server among hostile clients: whatever they send, it refuses with a problem document or closes, and answers the others."""
import itertools
import random
import resource
import shutil
import socket
import struct

import pytest

from conftest import ROOT, servers_of
from http_raw import GET, Raw, ask, is_problem

HOST = b"Host: 127.0.0.1\r\n"
BIG = """/*
route: /api/v1/big
*/
SELECT i, repeat('x', 100) AS t FROM range(300000) t(i)
"""


@pytest.fixture(scope="module")
def published(tarn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("http") / "telecom"
    tarn("init", folder)
    (folder / "api" / "big.sql").write_text(BIG)
    tarn("run", "-C", folder, "--from", ROOT / "tests/acceptance/events.ndjson", "--final")
    return folder


@pytest.fixture
def configured(serve, published, tmp_path):
    """configured(client_timeout="1s") -> a server whose project says so under serve."""

    def start(*args, **keys):
        folder = shutil.copytree(published, tmp_path / "project")
        config = folder / "tarn.yaml"
        lines = "".join(f"  {name}: {value}\n" for name, value in keys.items())
        config.write_text(config.read_text().replace("serve:\n", "serve:\n" + lines))
        return serve(folder, *args)

    return start


@pytest.fixture(scope="module")
def server(published, tmp_path_factory):
    """One for all tests, so that what one of them breaks is seen by the next."""
    with servers_of(tmp_path_factory.mktemp("log")) as start:
        yield start(published)


def get(target, headers=b""):
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + headers + b"\r\n"


def post(headers, body=b""):
    return b"POST /api/v1/health HTTP/1.1\r\n" + HOST + headers + b"\r\n" + body


# ---- what is no request ----

MALFORMED = {
    "no version": b"GET /api/v1/health\r\n\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another protocol's name": b"GET / FTTP/1.1\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "spaces in the target": get(b"/a b"),
    "a NUL in the target": get(b"/api/v1/he\0alth"),
    "a control character in the target": get(b"/api/v1/\x01health"),
    "a target that is no path": get(b"api/v1/health"),
    "a tunnel": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method that is no word": b"GE(T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "no Host": b"GET /api/v1/health HTTP/1.1\r\n\r\n",
    "two Hosts": get(b"/api/v1/health", HOST),
    "line feeds alone": b"GET /api/v1/health HTTP/1.1\nHost: 127.0.0.1\n\n",
    "a header without a colon": get(b"/", b"Accept\r\n"),
    "a space before the colon": post(b"Content-Length : 3\r\n", b"abc"),
    "a header without a name": get(b"/", b": x\r\n"),
    "a folded header": get(b"/", b"A: b\r\n c\r\n"),
    "a NUL in a header": get(b"/", b"A: b\0c\r\n"),
    "a carriage return in a header": get(b"/", b"A: b\rContent-Length: 3\r\n"),
    "two lengths": post(b"Content-Length: 4\r\nContent-Length: 5\r\n", b"abcde"),
    "a length and chunks": post(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    "a list of lengths": post(b"Content-Length: 3, 3\r\n", b"abc"),
    "a negative length": post(b"Content-Length: -4\r\n"),
    "a signed length": post(b"Content-Length: +4\r\n", b"abcd"),
    "a hexadecimal length": post(b"Content-Length: 0x4\r\n", b"abcd"),
    "a length beyond all numbers": post(b"Content-Length: 99999999999999999999\r\n"),
    "an encoding that is not taken": post(b"Transfer-Encoding: gzip\r\n", b"abc"),
    "two encodings": post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    "a hidden encoding": post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk without a size": post(b"Transfer-Encoding: chunked\r\n", b"zz\r\n\r\n"),
    "a chunk beyond all numbers": post(b"Transfer-Encoding: chunked\r\n", b"ffffffffffffffffff\r\n\r\n"),
    "a chunk that is longer than it says": post(b"Transfer-Encoding: chunked\r\n", b"1\r\nabc\r\n0\r\n\r\n"),
    "an endless extension of a chunk": post(b"Transfer-Encoding: chunked\r\n", b"1;" + b"a" * 50000),
    "endless trailers": post(b"Transfer-Encoding: chunked\r\n", b"1\r\nb\r\n0\r\n" + b"A: b\r\n" * 10000),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_request_is_400_and_ends_the_connection(server, name):
    with Raw(server) as raw:
        raw.send(MALFORMED[name] + GET)
        assert is_problem(raw.response(), 400)["detail"]
        assert raw.response() is None  # what follows is not taken for a request
    assert server.get("/api/v1/health").ok


@pytest.mark.parametrize("status, said, data", [
    (413, "body is too long", post(b"Content-Length: 2000000\r\n", b"x" * 2000000)),
    (413, "body is too long", post(b"Content-Length: 999999999999999999\r\n")),
    (413, "body is too long", post(b"Transfer-Encoding: chunked\r\n", b"10000\r\n" + b"x" * 0x10000 + b"\r\n" + b"fffff\r\n" + b"x" * 0xfffff)),
    (414, "longer than 8192 bytes", get(b"/" + b"x" * 9000)),
    (414, "first line is longer", get(b"/" + b"x" * 200000)),
    (414, "first line is longer", b"G" * 100000),
    (431, "more than 100 headers", get(b"/", b"A: b\r\n" * 5000)),
    (431, "head is longer", get(b"/", b"A: " + b"b" * 100000 + b"\r\n")),
    (431, "head is longer", get(b"/", b"Cookie: " + b"a=b; " * 10000 + b"\r\n")),
    (417, "Expect", post(b"Expect: 200-maybe\r\nContent-Length: 1\r\n", b"a")),
])
def test_what_is_too_long_is_refused_before_it_is_read(server, status, said, data):
    assert said in is_problem(ask(server, data), status)["detail"]
    assert server.get("/api/v1/health").ok


@pytest.mark.parametrize("target, status", [
    (b"/../../../../etc/passwd", 404), (b"/api/v1/../../../etc/passwd", 404), (b"/api/v1/%2e%2e/%2e%2e/etc/passwd", 404), (b"//etc/passwd", 404),
    (b"/api/v1/health%00", 404), (b"/api/v1/health%2f", 404), (b"/api%2fv1%2fhealth", 404), (b"/api/v1/health;a=b", 404), (b"/api/v1/%68ealth", 200),
    (b"/api/v1/subscribers/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404), (b"/api/v1/subscribers/..%5c..%5cwindows", 404), (b"/api/v1/subscribers/%00", 422),
    (b"/api/v1/subscribers/%", 422), (b"/api/v1/subscribers/%zz", 422), (b"/api/v1/subscribers/%c0%ae%c0%ae", 422), (b"/api/v1/subscribers/%ed%a0%80", 422),
    (b"/api/v1/subscribers/%f4%90%80%80", 422), (b"/api/v1/subscribers/\xff\xfe", 422), (b"/api/v1/subscribers/%25%32%66", 404),
    (b"/api/v1/subscribers?limit=%31", 200), (b"/api/v1/subscribers?limit=1%00", 422), (b"/api/v1/subscribers?limit=%ff", 422), (b"/api/v1/subscribers?%ff=1", 422),
    (b"/api/v1/subscribers?" + b"a&" * 4000, 422), (b"/api/v1/subscribers?" + b"limit=1&" * 900, 422), (b"/api/v1/subscribers?=&&&===&", 422),
    (b"/api/v1/subscribers/" + b"%27%20OR%201=1--", 404), (b"http://127.0.0.1/api/v1/health", 200), (b"http://127.0.0.1", 404),
])
def test_tricks_with_paths_reach_nothing(server, target, status):
    response = ask(server, get(target))
    assert response[0] == status, response
    if status != 200:
        is_problem(response, status)
    assert b"root:" not in response[2]


@pytest.mark.parametrize("target", [b"/api/v1/subscribers/x%0d%0aSet-Cookie:%20a=b", b"/x%0d%0a%0d%0aHTTP/1.1%20200%20OK", b"/api/v1/subscribers?risk=%0d%0aX:%20y"])
def test_a_line_end_in_the_target_makes_no_header(server, target):
    status, headers, body = ask(server, get(target))
    assert status in (404, 422) and "set-cookie" not in headers and "x" not in headers


def test_a_line_end_in_the_request_id_is_not_repeated(server):
    _, headers, _ = ask(server, get(b"/api/v1/health", b"X-Request-Id: a\"b<c>\r\n"))
    assert '"' not in headers["x-request-id"]


# ---- requests one after another ----

def test_pipelined_requests_are_answered_in_order(server):
    targets = [b"/api/v1/health", b"/nowhere", b"/api/v1/subscribers?limit=1", b"/api/v1/subscribers?limit=0", b"/livez"] * 30
    with Raw(server) as raw:
        raw.send(b"".join(get(target, b"X-Request-Id: r%d\r\n" % i) for i, target in enumerate(targets)))
        answers = [raw.response() for _ in targets]
    assert [answer[1]["x-request-id"] for answer in answers] == [f"r{i}" for i in range(len(targets))]
    assert [answer[0] for answer in answers] == [200, 404, 200, 422, 200] * 30


def test_a_request_may_come_byte_by_byte(server):
    request = post(b"Transfer-Encoding: chunked\r\n", b"3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nTrailer: t\r\n\r\n") + GET
    with Raw(server) as raw:
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            raw.send(bytes([byte]))
        is_problem(raw.response(), 405)
        assert raw.response()[0] == 200


def test_head_and_get_of_a_stream_are_framed(server):
    with Raw(server) as raw:
        raw.send(b"HEAD /api/v1/big HTTP/1.1\r\n" + HOST + b"\r\n")
        status, headers, _ = raw.response(to_head=True)
        assert status == 200 and "content-length" not in headers
        status, headers, body = raw.send(get(b"/api/v1/big")).response()
        assert headers["transfer-encoding"] == "chunked" and body.count(b'"i":') == 300000 and body.endswith(b"}]\n")
        assert raw.send(GET).response()[0] == 200


def test_http_1_0_gets_a_stream_until_the_connection_closes(server):
    status, headers, body = ask(server, b"GET /api/v1/big HTTP/1.0\r\n\r\n")
    assert status == 200 and "transfer-encoding" not in headers and headers["connection"] == "close"
    assert body.count(b'"i":') == 300000 and body.endswith(b"}]\n")


def test_http_1_0_may_keep_the_connection(server):
    with Raw(server) as raw:
        for _ in range(3):
            status, headers, _ = raw.send(b"GET /livez HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").response()
            assert status == 200 and headers["connection"] == "keep-alive"


def test_a_client_that_waits_for_continue_is_told_to_go_on(server):
    with Raw(server) as raw:
        assert raw.send(post(b"Expect: 100-continue\r\nContent-Length: 3\r\n")).response()[0] == 100
        is_problem(raw.send(b"abc").response(), 405)
        is_problem(raw.send(post(b"Expect: 100-continue\r\nContent-Length: 3000000\r\n")).response(), 413)


def test_a_client_that_closes_its_side_is_still_answered(server):
    with Raw(server) as raw:
        raw.send(GET + get(b"/nowhere"))
        raw.socket.shutdown(socket.SHUT_WR)
        assert raw.response()[0] == 200 and raw.response()[0] == 404 and raw.response() is None


# ---- slow clients ----

@pytest.mark.parametrize("begun", [b"GET /api/v1/health HTTP/1.1\r\n", post(b"Content-Length: 1000\r\n"), post(b"Transfer-Encoding: chunked\r\n", b"1\r\n")])
def test_a_request_that_never_ends_is_408(configured, begun):
    server = configured(client_timeout="500ms")
    with Raw(server) as loris:
        loris.send(begun)
        while not loris.rest:  # each byte would start an idle timeout again
            loris.send(b"a")
            loris.socket.settimeout(0.05)
            try:
                loris._more()
            except TimeoutError:
                assert server.get("/livez").ok
        is_problem(loris.response(), 408)
        assert loris.closed()


def test_an_idle_connection_is_closed(configured):
    server = configured(client_timeout="500ms")
    with Raw(server) as silent, Raw(server) as idle:
        assert idle.send(GET).response()[0] == 200
        assert silent.response() is None and idle.response() is None


def test_a_client_that_does_not_read_is_cut_off(configured):
    server = configured(client_timeout="500ms", max_streams=1)
    with Raw(server) as lazy:
        lazy.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert lazy.send(get(b"/api/v1/big")).begin() == 200
        server.wait_for("the stream's place to be free", lambda: server.get("/api/v1/big").ok)
        assert lazy.is_cut()


def test_half_open_connections_do_no_harm(server):
    for begun in itertools.islice(itertools.cycle([b"", b"G", b"GET /api/v1/health HTTP/1.1\r\nHos", GET, get(b"/api/v1/big")]), 200):
        with Raw(server) as raw:
            raw.send(begun)
            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes with RST
    assert server.get("/api/v1/health").ok


# ---- many clients ----

def test_thousands_of_idle_connections_leave_room_for_requests(server):
    n = min(3000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2 - 100)
    crowd = [Raw(server) for _ in range(n)]
    try:
        for raw in crowd[::2]:
            raw.send(b"GET /livez HTTP/1.1\r\n")
        assert server.get("/api/v1/health").ok
        for raw in crowd[::2]:
            raw.send(HOST + b"\r\n")
        assert {raw.response()[0] for raw in crowd[::2]} == {200}
    finally:
        for raw in crowd:
            raw.socket.close()


def test_connections_beyond_the_bound_wait(configured):
    server = configured(max_connections=10)
    crowd = [Raw(server).send(GET) for _ in range(30)]
    for raw in crowd:  # the first ten are answered, and each that leaves lets another in
        assert raw.response()[0] == 200
        raw.socket.close()


def test_a_flood_of_requests_gets_answers_or_503(server):
    crowd = [Raw(server).send(GET * 50 + get(b"/api/v1/subscribers?limit=5") * 10) for _ in range(50)]
    statuses = set()
    for raw in crowd:
        statuses |= {raw.response()[0] for _ in range(60)}
        raw.socket.close()
    assert 200 in statuses and statuses <= {200, 503}


def mutated(chance, requests):
    data = bytearray(chance.choice(requests))
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(data))
        change = chance.randrange(4)
        if change == 0:
            data[at] = chance.randrange(256)
        elif change == 1:
            del data[at:at + chance.randrange(1, 8)]
        elif change == 2:
            data[at:at] = chance.choice([b"\r\n", b"\0", b" ", b":", b"%", b"\xff", b"Content-Length: 9\r\n", b"9" * 40, b"\r\n\r\n"])
        else:
            data[at:at] = data[at:at + chance.randrange(1, 64)]
        data = data or bytearray(b"x")
    return bytes(data)


@pytest.mark.parametrize("seed", range(4))
def test_requests_with_random_faults_never_fail_the_server(server, seed):
    chance = random.Random(seed)
    requests = [GET, get(b"/api/v1/subscribers?limit=3&risk=high"), get(b"/api/v1/tables/gold_subscriber_features?select=subscriber_id&limit=2"),
                post(b"Content-Length: 3\r\n", b"abc"), post(b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\n\r\n"),
                get(b"/openapi.json", b"If-None-Match: *\r\nAccept: text/csv;q=0.5\r\nAccept-Encoding: gzip\r\n")]
    for _ in range(300):
        with Raw(server) as raw:
            raw.send(mutated(chance, requests) + b"\r\n\r\n" + GET)
            raw.socket.shutdown(socket.SHUT_WR)
            while answer := raw.response():
                assert answer[0] < 500 or answer[0] == 503, answer
    assert server.get("/api/v1/health").ok
