"""Who may ask the server for what: keys, scopes, rates, other origins, other machines; and the headers that keep answers safe."""
import hashlib
import http.client
import json
import re
import os
import shutil
import socket
import subprocess
import time

import pytest

from conftest import ROOT, TIMEOUT, clean_environment, free_port, program

LIST = "/api/v1/subscribers?limit=1"


@pytest.fixture
def new_key(tarn, tmp_path):
    """new_key("name", "--scopes", "admin") -> the key; its line is in the file of the test's keys."""
    return lambda name, *args: tarn("keys", name, "--file", tmp_path / "keys", *args).stdout.strip()


@pytest.fixture
def guarded(serve, published, tmp_path):
    """guarded() -> a server with the test's keys."""
    return lambda *args: serve(published, *args, env={"TARN_KEYS_FILE": str(tmp_path / "keys")})


@pytest.fixture
def configured(serve, published, tmp_path):
    """configured("auth: none") -> a server whose tarn.yaml says so under serve."""

    def start(lines, *args):
        folder = tmp_path / "configured"
        shutil.copytree(published, folder)
        with (folder / "tarn.yaml").open("a") as file:
            file.write("".join(f"  {line}\n" for line in lines.splitlines()))
        return serve(folder, *args)

    return start


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def problem(response, status):
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == status and document["detail"] and document["hint"]
    assert document["request_id"] == response.headers["X-Request-Id"]
    assert response.headers["Cache-Control"] == "no-store"
    return document


# ---- making keys ----

def test_a_key_is_told_once_and_only_its_hash_is_stored(tarn, tmp_path):
    file = tmp_path / "keys"
    key = tarn("keys", "dashboard", "--rate", "600/m", "--file", file).stdout.strip()
    assert key.startswith("tarn_") and len(key) == 48
    assert file.read_text() == f"dashboard sha256:{hashlib.sha256(key.encode()).hexdigest()} read 600/m\n"
    tarn("keys", "ops", "--scopes", "read,admin", "--file", file)
    assert [line.split()[::2] for line in file.read_text().splitlines()] == [["dashboard", "read"], ["ops", "read,admin"]]


def test_a_key_for_people_and_for_programs(tarn):
    people = tarn("keys", "x").stdout.splitlines()
    assert [line.split()[0] for line in people] == ["key", "line"]
    made = json.loads(tarn("keys", "x", "--json").stdout)
    assert made["line"] == f"x sha256:{hashlib.sha256(made['key'].encode()).hexdigest()} read -"


def test_a_key_cannot_take_the_name_of_another(tarn, tmp_path):
    file = tmp_path / "keys"
    tarn("keys", "x", "--file", file)
    before = file.read_text()
    again = tarn("keys", "x", "--file", file, check=False)
    assert again.returncode == 2 and "has a key 'x' already" in again.stderr and again.stdout == ""
    assert file.read_text() == before


# ---- with keys ----

@pytest.mark.parametrize("headers", [lambda key: {"Authorization": f"Bearer {key}"}, lambda key: {"authorization": f"bearer   {key}"},
                                     lambda key: {"X-API-Key": key}])
def test_a_known_key_is_let_in(guarded, new_key, headers):
    key = new_key("a")
    response = guarded().get(LIST, headers=headers(key))
    assert response.ok and len(response.json()) == 1
    assert "private" in response.headers["Cache-Control"]


@pytest.mark.parametrize("headers, said, challenge", [
    ({}, "an API key is needed", 'Bearer realm="tarn"'),
    ({"Authorization": "Basic dXNlcjpwYXNz"}, "an API key is needed", 'Bearer realm="tarn"'),
    ({"X-API-Key": "tarn_guess"}, "not known", 'error="invalid_token"'),
    ({"Authorization": "Bearer "}, "an API key is needed", 'Bearer realm="tarn"'),
    ({"Authorization": "Bearer " + "x" * 4000}, "not known", 'error="invalid_token"'),
    ({"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1", "X-Real-IP": "::1"}, "an API key is needed", 'Bearer realm="tarn"'),
])
@pytest.mark.parametrize("path", [LIST, "/metrics", "/nowhere"])
def test_without_a_known_key_nothing_is_told(guarded, new_key, path, headers, said, challenge):
    new_key("a")
    response = guarded().get(path, headers=headers)
    document = problem(response, 401)
    assert said in document["detail"] and "routes" not in document
    assert challenge in response.headers["WWW-Authenticate"]


def test_loopback_needs_a_key_too_where_there_are_keys(guarded, new_key):
    new_key("a")
    problem(guarded("--host", "127.0.0.1").get(LIST), 401)


def test_a_hash_is_no_key(guarded, new_key):
    digest = hashlib.sha256(new_key("a").encode()).hexdigest()
    server = guarded()
    for guess in (digest, f"sha256:{digest}"):
        problem(server.get(LIST, headers=bearer(guess)), 401)


def test_scopes(guarded, new_key):
    reader, operator = new_key("reader"), new_key("operator", "--scopes", "admin")
    server = guarded()
    assert server.get(LIST, headers=bearer(reader)).ok and server.get("/metrics", headers=bearer(operator)).ok
    response = server.get("/metrics", headers=bearer(reader))
    assert problem(response, 403)["detail"] == "this needs the scope admin; the key 'reader' has read"
    assert 'error="insufficient_scope", scope="admin"' in response.headers["WWW-Authenticate"]
    assert "needs the scope read" in problem(server.get(LIST, headers=bearer(operator)), 403)["detail"]
    assert server.get("/nowhere", headers=bearer(operator)).status_code == 404


PROBES = {"/livez", "/readyz", "/api/v1/health"}
PAGE_FILES = {"/docs", "/docs/docs.css", "/docs/docs.js"}  # the same on every server; what they show comes from /openapi.json
OPEN = PROBES | PAGE_FILES


def test_every_route_that_tells_something_needs_a_key(guarded, new_key):
    key = new_key("a", "--scopes", "read,sql,ask,admin")
    server = guarded()
    routes = server.get("/nowhere", headers=bearer(key)).json()["routes"]
    assert OPEN < set(routes)
    asked = {route: server.get(route.replace("{", "").replace("}", "")).status_code for route in routes}
    assert {route for route, status in asked.items() if status != 401} == OPEN
    for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        assert server.request(method, LIST).status_code == 401


@pytest.mark.parametrize("path", sorted(PROBES))
def test_probes_need_no_key_and_tell_no_data(guarded, new_key, path):
    new_key("a")
    response = guarded().get(path)
    assert response.ok and "subscriber" not in response.text and "telecom" not in response.text


def test_rate(guarded, new_key):
    """Three in an hour, so that the clock gives no fourth while the test runs."""
    slow, other = new_key("slow", "--rate", "3/h"), new_key("other")
    server = guarded()
    for left in (2, 1, 0):
        response = server.get(LIST, headers=bearer(slow))
        assert response.ok and response.headers["RateLimit-Policy"] == '"key";q=3;w=3600'
        assert response.headers["RateLimit"].startswith(f'"key";r={left};t=')
    response = server.get(LIST, headers=bearer(slow))
    document = problem(response, 429)
    assert 0 < int(response.headers["Retry-After"]) <= 1200 and response.headers["Retry-After"] in document["hint"]
    assert "'slow', 3/h, is used up" in document["detail"] and response.headers["RateLimit"].startswith('"key";r=0;t=')
    unlimited = server.get(LIST, headers=bearer(other))
    assert unlimited.ok and "RateLimit" not in unlimited.headers


def wait_until(true):
    deadline = time.monotonic() + TIMEOUT
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # how often is asked, not how long is waited


def test_keys_change_while_the_server_runs(guarded, new_key, tmp_path):
    first = new_key("first")
    server = guarded()
    second = new_key("second")
    wait_until(lambda: server.get(LIST, headers=bearer(second)).ok)
    assert server.get(LIST, headers=bearer(first)).ok
    lines = (tmp_path / "keys").read_text().splitlines(keepends=True)
    (tmp_path / "keys").write_text("second is broken\n")
    wait_until(lambda: "the API keys stay as they were" in server.log.read_text())
    assert server.get(LIST, headers=bearer(first)).ok
    (tmp_path / "keys").write_text(lines[1])
    wait_until(lambda: server.get(LIST, headers=bearer(first)).status_code == 401)
    assert server.get(LIST, headers=bearer(second)).ok


def test_keys_from_a_mounted_secret(serve, published, new_key, tmp_path):
    """The layout of a Kubernetes volume: names link into ..data, which links to a dated folder."""
    key = new_key("team")
    mount = tmp_path / "secret"
    (mount / "..2026_11_22").mkdir(parents=True)
    shutil.move(tmp_path / "keys", mount / "..2026_11_22" / "team")
    (mount / "..data").symlink_to("..2026_11_22")
    (mount / "team").symlink_to("..data/team")
    server = serve(published, env={"TARN_KEYS_FILE": str(mount)})
    assert server.get(LIST, headers=bearer(key)).ok and server.get(LIST).status_code == 401


def test_no_key_is_ever_written_down(guarded, new_key, tmp_path):
    key = new_key("a")
    server = guarded("--log", "json")
    server.get(LIST, headers=bearer(key))
    server.get(f"/nowhere/{key}", headers=bearer(key + "x"))  # a path is logged, so a key never belongs into one
    server.get(f"{LIST}&key={key}", headers={"X-API-Key": key})
    answers = server.get("/metrics", headers=bearer(key)).text
    server.stop()
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert {line.get("key") for line in lines} == {None, "a"}
    text = server.log.read_text().replace(f"/nowhere/{key}", "")
    assert key not in text and key not in answers and key not in (tmp_path / "keys").read_text()


def test_what_a_key_opens_is_not_for_shared_caches(guarded, new_key):
    key = new_key("a")
    server = guarded()
    first = server.get(LIST, headers=bearer(key))
    again = server.get(LIST, headers={**bearer(key), "If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    for response in (first, again):
        assert "private" in response.headers["Cache-Control"] and "public" not in response.headers["Cache-Control"]


# ---- without keys ----

def other_address():
    """An address of this machine that is not loopback; None where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return None
        return probe.getsockname()[0]


def start_fails(folder, *args, env=None):
    done = subprocess.run([program(), "serve", "-C", str(folder), "--port", str(free_port()), *args], env=clean_environment(env), capture_output=True, text=True,
                          timeout=TIMEOUT)
    assert done.returncode != 0 and done.stdout == ""
    return done


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_an_address_that_others_reach_needs_keys(published, host):
    done = start_fails(published, "--host", host)
    assert done.returncode == 2
    assert f"others can reach the address {host}, and there are no API keys" in done.stderr
    assert "tarn keys" in done.stderr and "auth: none" in done.stderr and "serve.keys_file" in done.stderr


@pytest.mark.parametrize("text, code, said", [
    (None, 5, "cannot read the API keys"), ("", 2, "there are no API keys"), ("a b c\n", 2, "API keys, keys line 1: the second field is not sha256:")])
def test_faulty_keys_stop_the_start(published, tmp_path, text, code, said):
    if text is not None:
        (tmp_path / "keys").write_text(text)
    done = start_fails(published, env={"TARN_KEYS_FILE": str(tmp_path / "keys")})
    assert done.returncode == code and said in done.stderr


@pytest.mark.parametrize("auth, keys, said", [("none", True, "no key is needed, but there is a file"), ("keys", False, "a key is needed, but there is no file")])
def test_settings_that_contradict_each_other(published, new_key, tmp_path, auth, keys, said):
    new_key("a")
    folder = tmp_path / "project"
    shutil.copytree(published, folder)
    with (folder / "tarn.yaml").open("a") as file:
        file.write(f"  auth: {auth}\n")
    done = start_fails(folder, env={"TARN_KEYS_FILE": str(tmp_path / "keys")} if keys else None)
    assert done.returncode == 2 and said in done.stderr


def test_auth_none_opens_every_address(configured):
    server = configured("auth: none", "--host", "0.0.0.0")
    address = other_address()
    for host in filter(None, ["127.0.0.1", address]):
        connection = http.client.HTTPConnection(host, int(server.url.rsplit(":", 1)[1]), timeout=TIMEOUT)
        connection.request("GET", LIST, headers={"Host": "anything.example"})
        assert connection.getresponse().status == 200
        connection.close()


@pytest.mark.parametrize("host, status", [("localhost", 200), ("127.0.0.1:8000", 200), ("[::1]:8000", 200), ("LOCALHOST:1", 200), ("evil.example", 403),
                                          ("localhost.evil.example", 403), ("127.0.0.1.evil.example", 403), ("", 403)])
def test_a_web_page_cannot_take_over_the_name_of_this_machine(serve, published, host, status):
    """DNS rebinding: the page's own name is made to point here, and the browser sends that name."""
    response = serve(published).get(LIST, headers={"Host": host})
    if status == 403:
        assert "answers as localhost alone" in problem(response, 403)["detail"]
    assert response.status_code == status


def test_what_proxies_tell_is_not_believed(serve, published):
    """It neither opens (see above) nor closes."""
    assert serve(published).get(LIST, headers={"X-Forwarded-For": "198.51.100.1"}).ok


# ---- other origins ----

PAGE = "https://app.example"


def preflight(server, origin, method="GET"):
    return server.request("OPTIONS", "/api/v1/subscribers", headers={"Origin": origin, "Access-Control-Request-Method": method,
                                                                    "Access-Control-Request-Headers": "authorization"})


def test_listed_origins_may_read(configured):
    server = configured(f"cors: ['{PAGE}', 'http://localhost:5173']")
    response = preflight(server, PAGE)
    assert response.status_code == 204 and response.content == b""
    assert response.headers["Access-Control-Allow-Origin"] == PAGE and "Origin" in response.headers["Vary"]
    assert "GET" in response.headers["Access-Control-Allow-Methods"] and "Authorization" in response.headers["Access-Control-Allow-Headers"]
    assert int(response.headers["Access-Control-Max-Age"]) > 0 and "Access-Control-Allow-Credentials" not in response.headers
    answer = server.get(LIST, headers={"Origin": PAGE})
    assert answer.ok and answer.headers["Access-Control-Allow-Origin"] == PAGE and "Origin" in answer.headers["Vary"]
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]


def test_other_origins_may_not(configured):
    server = configured(f"cors: ['{PAGE}']")
    for origin in ("https://evil.example", "http://app.example", PAGE + ":8443", "null"):
        response = preflight(server, origin)
        assert "serve.cors" in problem(response, 403)["hint"] and "Access-Control-Allow-Origin" not in response.headers
        answer = server.get(LIST, headers={"Origin": origin})
        assert answer.ok and "Access-Control-Allow-Origin" not in answer.headers and "Origin" in answer.headers["Vary"]


def test_a_preflight_needs_no_key_but_the_request_does(serve, published, new_key, tmp_path):
    folder, key = tmp_path / "project", new_key("a")
    shutil.copytree(published, folder)
    with (folder / "tarn.yaml").open("a") as file:
        file.write("  cors: '*'\n  keys_file: ../keys\n")
    server = serve(folder)
    assert preflight(server, PAGE).headers["Access-Control-Allow-Origin"] == "*"
    refused = server.get(LIST, headers={"Origin": PAGE})
    assert problem(refused, 401) and refused.headers["Access-Control-Allow-Origin"] == "*"  # so that the page can read why
    assert server.get(LIST, headers={"Origin": PAGE, **bearer(key)}).ok


def test_without_cors_no_origin_may(serve, published):
    server = serve(published)
    assert preflight(server, PAGE).status_code == 405
    assert not [name for name in server.get(LIST, headers={"Origin": PAGE}).headers if name.lower().startswith("access-control")]


# ---- every response ----

@pytest.mark.parametrize("path", [LIST, "/nowhere", "/livez", "/api/v1/health", "/api/v1/subscribers?limit=0"])
def test_safe_headers(serve, published, path):
    headers = serve(published).get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"] and "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Server" not in headers and "X-Powered-By" not in headers


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize("headers, expected", [
    ({"X-Request-Id": "from-the-gateway_1"}, "from-the-gateway_1"), ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
    ({"X-Request-Id": "a b"}, None), ({"X-Request-Id": "x" * 200}, None), ({"X-Request-Id": '"}'}, None), ({}, None)])
def test_a_request_has_one_name_everywhere(serve, published, headers, expected):
    server = serve(published, "--log", "json")
    response = server.get("/api/v1/subscribers/nobody?secret=1", headers=headers)
    name = response.headers["X-Request-Id"]
    assert response.json()["request_id"] == name and response.json()["instance"] == "/api/v1/subscribers/nobody"
    assert name == expected if expected else name not in headers.values()
    server.stop()
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    line, = [line for line in lines if line.get("request_id") == name]
    assert (line["method"], line["path"], line["route"], line["status"]) == ("GET", "/api/v1/subscribers/nobody", "/api/v1/subscribers/{subscriber_id}", 422)
    assert line["peer"] == "127.0.0.1" and line["queued_us"] >= 0 and "secret" not in server.log.read_text()


def test_a_log_line_has_the_fields_that_the_page_for_operators_shows(guarded, new_key):
    page = (ROOT / "docs" / "operating.md").read_text()
    shown = json.loads(re.search(r"^\{.*\}$", page, re.M)[0])
    key = new_key("dashboard")
    server = guarded("--log", "json")
    server.get(LIST, headers=bearer(key))
    server.stop()
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    line, = [line for line in lines if line.get("status") == 200 and line.get("key") == "dashboard"]
    assert list(line) == list(shown) and {name: type(value) for name, value in line.items()} == {name: type(value) for name, value in shown.items()}
