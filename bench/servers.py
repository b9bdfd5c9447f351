"""The servers that the serve benchmarks measure, and wrk, which loads them, all on this machine's loopback."""
import collections
import contextlib
import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

from measure import ROOT, TARN, Failed

VENV = TARN.parent / "bench-venv"
PATIENCE = 60  # seconds until a server that does not come up is a failure

Load = collections.namedtuple("Load", "requests seconds p50 p99 errors")  # p50, p99: milliseconds
Response = collections.namedtuple("Response", "status headers body")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A program that answers on a port of its own."""

    def __init__(self, name, process, port, log, begun):
        self.name, self.process, self.port, self.log = name, process, port, log
        self.ready_seconds = None
        self.begun = begun

    def get(self, path, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return Response(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def wait(self, path):
        """Until it answers 200 there; asked every millisecond."""
        while self.process.poll() is None and time.monotonic() - self.begun < PATIENCE:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.get(path).status == 200:
                    self.ready_seconds = time.monotonic() - self.begun
                    return self
            time.sleep(0.001)
        self.log.seek(0)
        raise Failed(f"{self.name} does not come up (exit {self.process.poll()})\n{self.log.read().decode(errors='replace')}")

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) * 1024


@contextlib.contextmanager
def running(name, command, port, ready, environment=None):
    """A server from its start to the end of the block."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    with tempfile.TemporaryFile() as log:
        begun = time.monotonic()
        process = subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**kept, **(environment or {})})
        try:
            yield Server(name, process, port, log, begun).wait(ready)
        finally:
            process.terminate()
            process.wait()


def tarn(project, threads):
    port = free_port()
    return running("tarn", [TARN, "serve", "-C", project, "--port", port], port, "/readyz", {"TARN_THREADS": str(threads)})


NGINX = """
daemon off;
{user}
worker_processes {workers};
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  open_file_cache max=16;
  default_type application/json;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {folder}/static;
{headers}
  }}
}}
"""
# nginx sends these itself.
OWN_HEADERS = ("date", "content-type", "content-length", "etag", "last-modified", "connection", "server")


def nginx(folder, like, workers):
    """nginx with static files: like is path -> Response, whose body and further headers it sends."""
    folder.mkdir(exist_ok=True)
    for path, response in like.items():
        file = folder / "static" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(response.body)
    headers = next(iter(like.values())).headers
    added = "\n".join(f'    add_header {name} "{value}";' for name, value in headers.items() if name.lower() not in OWN_HEADERS)
    port = free_port()
    configuration = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(NGINX.format(folder=folder, port=port, workers=workers, headers=added, user=user))
    return running("nginx", ["nginx", "-p", folder, "-e", "stderr", "-c", configuration], port, next(iter(like)))


def install_fastapi(quick):
    """Is the plain Python service there? It is installed from PyPI into the build folder, but for a quick run only used."""
    wanted = (ROOT / "bench" / "fastapi" / "requirements.txt").read_text()
    stamp = VENV / "requirements.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return True
    if quick:
        return False
    install = [VENV / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "-r", ROOT / "bench" / "fastapi" / "requirements.txt"]
    for command in ([sys.executable, "-m", "venv", "--clear", VENV], install):
        done = subprocess.run([*map(str, command)], capture_output=True, text=True)
        if done.returncode != 0:
            print(f"serve/fastapi is not measured: {done.stderr.strip()[-500:]}", file=sys.stderr)
            return False
    stamp.write_text(wanted)
    return True


def fastapi(project, database, workers):
    port = free_port()
    command = [VENV / "bin" / "uvicorn", "app:app", "--app-dir", ROOT / "bench" / "fastapi", "--port", port, "--workers", workers,
               "--log-level", "warning", "--no-access-log"]
    return running("fastapi", command, port, "/api/v1/subscribers?limit=1",
                   {"PROJECT": str(project), "DB_PATH": str(database), "PYTHONDONTWRITEBYTECODE": "1"})


def load(server, target, clients, seconds, etag=None):
    """wrk for so long: target is a path, or a file of paths that are asked for in turn."""
    paths = isinstance(target, pathlib.Path)
    command = ["wrk", "-t", min(clients, 2), "-c", clients, "-d", f"{seconds}s", "--timeout", f"{PATIENCE}s", "-s", ROOT / "bench" / "wrk.lua"]
    command += ["-H", f"If-None-Match: {etag}"] if etag else []
    done = subprocess.run([*map(str, command), f"http://127.0.0.1:{server.port}{'' if paths else target}"], capture_output=True, text=True,
                          env={**os.environ, **({"WRK_PATHS": str(target)} if paths else {})})
    if done.returncode != 0:
        raise Failed(f"wrk: exit {done.returncode}\n{done.stderr}")
    measured = Load(**json.loads(done.stdout.splitlines()[-1]))
    if not measured.requests and not measured.errors and seconds < PATIENCE:
        return load(server, target, clients, seconds * 4, etag)  # a slow contestant on a busy machine
    if measured.errors or not measured.requests:
        raise Failed(f"{server.name}: {measured.errors} of {measured.requests} requests for {target} failed")
    return measured
