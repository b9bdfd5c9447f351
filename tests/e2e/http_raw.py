"""Requests byte by byte, as hostile clients send them: what `requests` would never put on the wire."""
import json
import socket

from conftest import TIMEOUT

GET = b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Raw:
    """One connection to a server."""

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=TIMEOUT)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:  # it hung up on us, as it may; what it said before is read below
            pass
        return self

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        self.rest += data
        return bool(data)

    def _until(self, end):
        while end not in self.rest:
            if not self._more():
                return None
        found, self.rest = self.rest.split(end, 1)
        return found

    def _take(self, size):
        while len(self.rest) < size:
            assert self._more(), f"the body ends after {len(self.rest)} of {size} bytes"
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    def _size_line(self):
        line = self._until(b"\r\n")
        assert line is not None, "the body ends before its last chunk"
        return line

    def begin(self):
        """Reads the head of the next response and leaves its body; -> the status."""
        return int(self._until(b"\r\n\r\n").split(b" ")[1])

    def _chunks(self):
        body = b""
        while size := int(self._size_line(), 16):
            body += self._take(size)
            assert self._take(2) == b"\r\n"
        assert self._take(2) == b"\r\n"
        return body

    def response(self, to_head=False):
        """(status, headers, body) of the next response; None: the connection is closed. Asserts that it is framed as it says."""
        head = self._until(b"\r\n\r\n")
        if head is None:
            assert self.rest == b"", self.rest
            return None
        line, *fields = head.decode("latin-1").split("\r\n")
        version, status, _ = line.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
        assert len(headers) == len(fields), f"a header comes twice: {fields}"
        if int(status) == 100:
            return 100, headers, b""
        if to_head or int(status) in (204, 304):
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = self._chunks()
        elif "content-length" in headers:
            body = self._take(int(headers["content-length"]))
        else:
            while self._more():
                pass
            body, self.rest = self.rest, b""
        return int(status), headers, body

    def is_cut(self):
        """Is the chunked body that was begun cut off before its end?"""
        try:
            self._chunks()
        except AssertionError:
            return True
        return False

    def closed(self):
        """Waits until the server closes the connection; what it still sends is dropped."""
        while self._more():
            self.rest = b""
        return True


def ask(server, data):
    """The response to data, sent on a connection of its own."""
    with Raw(server) as raw:
        return raw.send(data).response()


def is_problem(response, status):
    assert response is not None and response[0] == status, response
    assert response[1]["content-type"] == "application/problem+json"
    document = json.loads(response[2])
    assert document["status"] == status and document["detail"] and document["request_id"] == response[1]["x-request-id"]
    return document
