"""What every test of the program as a whole shares: the program, a project, a run, a query, a server.

The program under test is the environment's TARN, else build/tarn. It runs with a clean environment, so that nothing of the
person's shell (DB_PATH, PORT, TARN_*) changes a result."""
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import time

import pytest
import requests

ROOT = pathlib.Path(__file__).resolve().parent.parent
KEPT_VARIABLES = ("PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "G_SLICE")
TIMEOUT = 120  # seconds until a hanging program is a failure; no test waits for it to pass


def program():
    return str(pathlib.Path(os.environ.get("TARN", ROOT / "build" / "tarn")).resolve())


def server_program():
    """The program that serves; the environment's TARN_SERVER, where that is another one than the rest uses (suite tsan)."""
    return str(pathlib.Path(os.environ.get("TARN_SERVER", program())).resolve())


def clean_environment(extra=None):
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", **(extra or {})}


@pytest.fixture(scope="session")
def tarn():
    """tarn("query", "SELECT 1", cwd=project) -> CompletedProcess with text output; check=True fails the test where it exits other than 0.

    input may be text or bytes; binary=True gives the output as bytes; prefix is a command that the program is run by."""

    def call(*args, cwd=None, env=None, input=None, check=True, binary=False, prefix=()):
        done = subprocess.run([*prefix, program(), *map(str, args)], cwd=cwd, env=clean_environment(env),
                              input=input.encode() if isinstance(input, str) else input if input is not None else b"",
                              capture_output=True, timeout=TIMEOUT)
        if check and done.returncode != 0:
            pytest.fail(f"tarn {' '.join(map(str, args))}: exit {done.returncode}\n{done.stderr.decode(errors='replace')}")
        if not binary:
            done.stdout, done.stderr = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        return done

    return call


@pytest.fixture(scope="module")
def published(tarn, tmp_path_factory):
    """A project with the acceptance events published, shared by a file's tests."""
    folder = tmp_path_factory.mktemp("published") / "telecom"
    tarn("init", folder)
    tarn("run", "-C", folder, "--from", ROOT / "tests/acceptance/events.ndjson", "--final")
    return folder


@pytest.fixture
def new_project(tarn, tmp_path):
    """new_project("name") -> folder of a fresh telecom project with an empty events/."""

    def make(name="telecom"):
        folder = tmp_path / name
        tarn("init", folder)
        (folder / "events").mkdir(exist_ok=True)
        return folder

    return make


@pytest.fixture
def project(new_project):
    return new_project()


@pytest.fixture(scope="session")
def run_report(tarn):
    """run_report(project, "--final") -> the report of `tarn run --json`."""

    def run(project, *args, env=None, input=None):
        return json.loads(tarn("run", "-C", project, "--json", *args, env=env, input=input).stdout)

    return run


@pytest.fixture(scope="session")
def rows(tarn):
    """rows(project, "SELECT ...") -> list of dicts, as `tarn query --format json` prints them."""

    def query(project, sql, env=None):
        return json.loads(tarn("query", "-C", project, "--format", "json", sql, env=env).stdout)

    return query


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running `tarn serve`."""

    def __init__(self, process, url, log):
        self.process, self.url, self.log = process, url, log
        self.pid = process.pid

    def get(self, path, **kwargs):
        return requests.get(self.url + path, timeout=TIMEOUT, **kwargs)

    def request(self, method, path, **kwargs):
        return requests.request(method, self.url + path, timeout=TIMEOUT, **kwargs)

    def wait_for(self, what, seen):
        """Waits until seen() is true; what says in words what that is. The server may refuse connections meanwhile."""
        deadline = time.monotonic() + TIMEOUT
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                if seen():
                    return self
            except requests.ConnectionError:
                pass
            time.sleep(0.01)  # how often is asked, not how long is waited
        pytest.fail(f"tarn serve: not {what} (exit {self.process.poll()})\n{self.log.read_text(errors='replace')}")

    def wait_ready(self):
        return self.wait_for("up", lambda: self.get("/api/v1/health").ok)

    def wait_listening(self):
        return self.wait_for("listening", lambda: self.get("/livez").ok)

    def wait_generation(self, number):
        return self.wait_for(f"on generation {number}", lambda: self.get("/api/v1/health").json().get("generation") == number)

    def stop(self):
        """Ends it as an orchestrator would (SIGTERM) -> exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(TIMEOUT)


@contextlib.contextmanager
def servers_of(folder):
    """with servers_of(folder for logs) as start: start(project) -> Server; all are stopped at the end."""
    servers = []

    def start(project, *args, env=None, ready=True):
        port = free_port()
        log = folder / f"serve-{port}.log"
        with log.open("wb") as stderr:
            process = subprocess.Popen([server_program(), "serve", "-C", str(project), *map(str, args)], stdin=subprocess.DEVNULL,
                                       env=clean_environment({"PORT": str(port), **(env or {})}), stdout=stderr, stderr=stderr)
        servers.append(Server(process, f"http://127.0.0.1:{port}", log))
        return servers[-1].wait_ready() if ready else servers[-1].wait_listening()

    yield start
    for server in servers:
        server.stop()
        said = server.log.read_text(errors="replace")
        assert "Sanitizer" not in said and "runtime error" not in said, said


@pytest.fixture
def serve(tmp_path):
    """serve(project) -> Server that answers; all are stopped when the test ends. ready=False: it listens, and may wait for a generation."""
    with servers_of(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def serve_module(tmp_path_factory):
    """As serve, for servers that all tests of a file share."""
    with servers_of(tmp_path_factory.mktemp("servers")) as start:
        yield start


@pytest.fixture
def small_disk(tmp_path):
    """small_disk(bytes) -> a file system of that size, or of a new size where it is called again."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = []

    def mount(size):
        options = f"size={size},mode=0755" + (",remount" if mounted else "")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tarn-test", folder], capture_output=True, text=True)
        if done.returncode != 0 and not mounted:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        mounted.append(folder)
        return folder

    yield mount
    if mounted:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def server(serve, published):
    return serve(published)
