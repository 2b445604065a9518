"""What stands between a client and the service: passes on, fails, dawdles, or breaks off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import httpx

KEPT = ("content-type", "content-encoding", "etag", "last-modified", "cache-control", "vary")
ASKED = ("user-agent", "accept-encoding", "if-none-match", "if-modified-since")
PATIENCE = 90.0  # seconds; a busy machine


class Asked(NamedTuple):
    """One request: by which program, whether it named what it has, and what it got."""

    path: str
    agent: str
    conditional: bool
    status: int


@dataclass
class Proxy:
    """``status``: what is answered in place of the service; 0 passes on what the service answers.

    ``slow``: nothing is answered while it is set. ``cut``: the answer breaks off in its middle.
    ``instead``: what is answered as a calendar in place of the service's.
    """

    service: str
    status: int = 0
    cut: bool = False
    slow: bool = False
    instead: bytes = b""
    begun: int = 0
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    _moved: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, done: Callable[[], bool]) -> None:
        """Wait until something is so, looking after each request."""
        until = time.monotonic() + PATIENCE
        while not done():  # without the lock: what is looked at may itself wait for an answer
            assert time.monotonic() < until, self.asked[-5:]
            with self._moved:
                self._moved.wait(0.1)

    def answered(self, path: str) -> int:
        """Return how many requests for a path were answered to the end."""
        return sum(one.path == path for one in self.asked)

    def release(self) -> None:
        """Answer what waits, and be slow no longer."""
        with self._moved:
            self.slow = False
            self._moved.notify_all()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        with self._moved:
            self.begun += 1
            self._moved.notify_all()
            self._moved.wait_for(lambda: not self.slow, PATIENCE)
        headers = {name: handler.headers[name] for name in ASKED if name in handler.headers}
        status, body, given = self.status, b"out of order\n", {"content-type": "text/plain"}
        if self.instead:
            status, body, given = 200, self.instead, {"content-type": "text/calendar"}
        elif not status:
            # The body as it came, compressed where it was.
            request = httpx.Request("GET", self.service + handler.path, headers=headers)
            with httpx.Client(timeout=60) as client:
                reply = client.send(request, stream=True)
                body = b"".join(reply.iter_raw())
            status = reply.status_code
            given = {name: reply.headers[name] for name in KEPT if name in reply.headers}
        handler.send_response(status)
        for name, value in given.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(body)))
        with suppress(ConnectionError):  # a client may turn away
            handler.end_headers()
            handler.wfile.write(body[: len(body) // 2] if self.cut else body)
            handler.wfile.flush()
        if self.cut:
            handler.close_connection = True
        conditional = "if-none-match" in headers or "if-modified-since" in headers
        with self._moved:
            agent = headers.get("user-agent", "")
            self.asked.append(Asked(handler.path, agent, conditional, status))
            self._moved.notify_all()


@contextmanager
def standing_before(service: str) -> Iterator[Proxy]:
    """Run a proxy of a service's address for the time of a test."""
    proxy = Proxy(service)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            proxy.answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.1,))
    thread.start()
    try:
        yield proxy
    finally:
        proxy.release()
        server.shutdown()
        thread.join()
        server.server_close()
