"""What a client may send before its request is refused, on a real connection."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
import uvicorn

from web.door import Receive, Scope, Send
from web.line import HEAD, Line


async def measured(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with how long a request's body was."""
    size, more = 0, True
    while more:
        part = await receive()
        size, more = size + len(part.get("body", b"")), part.get("more_body", False)
    said = str(size).encode()
    headers = [(b"content-length", str(len(said)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": said})


@contextmanager
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        config = uvicorn.Config(measured, http=Line, log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        thread = Thread(target=lambda: asyncio.run(server.serve(sockets=[bound])))
        thread.start()
        yield bound.getsockname()[1]
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def port() -> Iterator[int]:
    with listening() as number:
        yield number


def said(port: int, *parts: bytes) -> bytes:
    """Send parts, each its own, and return all that comes until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        found = b""
        try:
            for part in parts:
                line.sendall(part)
        except ConnectionError:
            pass
        try:
            while got := line.recv(65536):
                found += got
        except ConnectionError:
            pass
        return found


ASK = b"GET / HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("begun", "part"),
    [
        (b"GET /", b"x" * 8192),
        (ASK + b"X-B: ", b"x" * 8192),
        (ASK, b"X-A: " + b"b" * 8000 + b"\r\n"),
    ],
    ids=["an address", "a header", "headers"],
)
def test_what_does_not_end_before_the_body_is_refused(port: int, begun: bytes, part: bytes) -> None:
    got = said(port, begun, *[part] * 40)
    assert got == b"" or got.startswith(b"HTTP/1.1 400 ")  # a reset may overtake the answer


def test_a_long_body_and_many_requests_on_one_line_are_not(port: int) -> None:
    size = 3 * HEAD
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
    asked = [post, *[b"y" * 8192] * (size // 8192)] * 2
    get = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"z" * 20_000 + b"\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    got = said(port, *asked, *[get] * 8, last)
    assert re.findall(rb"\r\n\r\n(\d+)", got) == [b"%d" % size] * 2 + [b"0"] * 9
