# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server of disk images, good and bad, on the loopback of a namespace."""

import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable, Optional
from urllib.parse import unquote

from netns import Netns

CHUNK = 16384


class _Handler(BaseHTTPRequestHandler):
    """The first part of a path is how it is served, the last one which of the mirror's files."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # the name is http.server's
        mirror: "Mirror" = self.server.mirror
        manner, _, rest = self.path.lstrip("/").partition("/")
        self.data = mirror.files.get(rest.rpartition("/")[2].partition("?")[0], b"")
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        self.start = int(asked[1]) if asked else 0
        with mirror.lock:
            nth = mirror.count(manner)
            mirror.requests.append((manner, self.start))
        try:
            getattr(self, f"serve_{manner}")(nth, rest)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def begin(self, length: Optional[int], status: int = 200, **headers: str) -> None:
        """The head of an answer."""
        self.send_response(status)
        self.send_header("Content-Type", headers.pop("type", "application/octet-stream"))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if length is None:
            self.send_header("Connection", "close")
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def part(self, data: bytes) -> bytes:
        """The requested part of @data; sends the head of the answer."""
        if not self.start:
            self.begin(len(data))
            return data
        if self.start >= len(data):
            self.begin(0, 416, Content_Range=f"bytes */{len(data)}")
            return b""
        self.begin(len(data) - self.start, 206,
                   Content_Range=f"bytes {self.start}-{len(data) - 1}/{len(data)}")
        return data[self.start:]

    def serve_good(self, nth: int, rest: str) -> None:
        """As it should be."""
        self.wfile.write(self.part(self.data))

    def serve_whole(self, nth: int, rest: str) -> None:
        """Knows no ranges."""
        self.begin(len(self.data))
        self.wfile.write(self.data)

    def serve_unsized(self, nth: int, rest: str) -> None:
        """Does not say how long it is."""
        self.begin(None)
        self.wfile.write(self.data)

    def serve_slow(self, nth: int, rest: str) -> None:
        """Takes a second or two."""
        data = self.part(self.data)
        for at in range(0, len(data), CHUNK):
            self.wfile.write(data[at:at + CHUNK])
            time.sleep(1.5 * CHUNK / len(self.data))

    def serve_stall(self, nth: int, rest: str) -> None:
        """Half of it, and then nothing more."""
        data = self.part(self.data)
        self.wfile.write(data[:len(data) // 2])
        self.server.mirror.stalled.set()
        self.server.mirror.released.wait(30)

    def serve_pause(self, nth: int, rest: str) -> None:
        """Half of it, and the other half once it is released."""
        self.serve_stall(nth, rest)
        data = self.data[self.start:]
        self.wfile.write(data[len(data) // 2:])

    def serve_breaks(self, nth: int, rest: str) -> None:
        """Breaks off in the middle, four times, and then no longer."""
        data = self.part(self.data)
        self.wfile.write(data if nth >= 4 else data[:len(data) // 2])
        self.close_connection = True

    def serve_cut(self, nth: int, rest: str) -> None:
        """Ends after half of the file, always."""
        data = self.part(self.data)
        self.wfile.write(data[:max(0, len(self.data) // 2 - self.start)])
        self.close_connection = True

    def serve_truncated(self, nth: int, rest: str) -> None:
        """A file that is too short, so that no connection tells."""
        self.wfile.write(self.part(self.data[:-1000]))

    def serve_wrong(self, nth: int, rest: str) -> None:
        """Another byte in the middle."""
        at = len(self.data) // 2
        self.wfile.write(self.part(self.data[:at] + b"!" + self.data[at + 1:]))

    def serve_elsewhere(self, nth: int, rest: str) -> None:
        """Answers with another range than was asked for, after it has broken off."""
        if self.start:
            self.begin(10, 206, Content_Range="bytes 0-9/1000")
            self.wfile.write(self.data[:10])
        else:
            self.serve_cut(nth, rest)

    def serve_busy(self, nth: int, rest: str) -> None:
        """Unavailable, twice."""
        if nth < 2:
            self.begin(0, 503)
        else:
            self.serve_good(nth, rest)

    def serve_none(self, nth: int, rest: str) -> None:
        """Answer that there is no such file."""
        body = b"<html>not here</html>"
        self.begin(len(body), 404, type="text/html")
        self.wfile.write(body)

    def serve_login(self, nth: int, rest: str) -> None:
        """Answer with a login page, as a hotel's network does to every request."""
        body = b"<!DOCTYPE html><title>Welcome</title>"
        self.begin(len(body), type="text/html; charset=utf-8")
        self.wfile.write(body)

    def serve_page(self, nth: int, rest: str) -> None:
        """The same, called an image."""
        body = b"\n <!doctype HTML><title>Welcome</title>"
        self.begin(len(body))
        self.wfile.write(body)

    def serve_to(self, nth: int, rest: str) -> None:
        """A redirect."""
        self.begin(0, 302, Location=unquote(rest))

    def serve_loop(self, nth: int, rest: str) -> None:
        """A redirect to itself."""
        self.begin(0, 302, Location=self.path)

    def log_message(self, *_: object) -> None:
        pass


class Mirror:
    """Serves @files at 127.0.0.1 in @netns: 'http://127.0.0.1:PORT/MANNER/NAME'."""

    def __init__(self, netns: Netns, files: dict[str, bytes]) -> None:
        self.files = files
        self.requests: list[tuple[str, int]] = []
        self.lock = threading.Lock()
        self.stalled, self.released = threading.Event(), threading.Event()
        sock = netns.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        self.port = sock.getsockname()[1]
        self._server = ThreadingHTTPServer(("", 0), _Handler, bind_and_activate=False)
        self._server.socket.close()  # made in the wrong namespace
        self._server.socket = sock
        self._server.mirror = self
        self._server.daemon_threads = True
        self._server.server_activate()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,),
                                        daemon=True)
        self._thread.start()

    def url(self, manner: str, name: str) -> str:
        """The URL that serves @name in that @manner."""
        return f"http://127.0.0.1:{self.port}/{manner}/{name}"

    def count(self, manner: str) -> int:
        """The number of requests in that @manner so far."""
        return sum(1 for each, _ in self.requests if each == manner)

    def wait_for(self, condition: Callable[[], bool], timeout: float = 10) -> None:
        """Wait until the mirror has seen what makes @condition true."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, self.requests
            time.sleep(0.01)

    def close(self) -> None:
        """Stop serving."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
