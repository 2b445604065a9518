"""The barest route in front of the application: feeds and the sign of life."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from notifications.feed import DEFAULT, Variant
from web.pace import Pace
from web.served import GUARD, Headers
from web.shelf import Address, Shelf

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("duban.feeds")

_PATH = re.compile(r"/feeds/([A-Za-z0-9_-]{43})\.ics")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]+")
_ALIVE = b'{"status":"ok"}'
_ALIVE_HEADERS: Headers = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(_ALIVE)).encode()),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]
_SAYINGS = {
    404: "没有这个订阅地址。请核对地址，或向管理员要一个新的。\n",
    405: "订阅地址只能读取。\n",
    410: "这个订阅地址已停用。请向管理员要一个新的。\n",
    429: "取得太频繁，请过一会儿再取。\n",
    503: "这个日历暂时生成不了，请稍后再取。\n",
}


class Door:
    """An ASGI application that answers feeds and health itself and hands on everything else."""

    def __init__(self, inner: Application, shelf: Shelf, pace: Pace | None = None) -> None:
        self._inner, self._shelf, self._pace = inner, shelf, pace or Pace()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            if path.startswith("/feeds/"):
                await self._feed(scope, send)
                return
            if path == "/healthz" and scope["method"] in ("GET", "HEAD"):
                await _reply(scope, send, 200, _ALIVE_HEADERS, _ALIVE)
                return
        await self._inner(scope, receive, send)

    async def _feed(self, scope: Scope, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await _refuse(scope, send, 405, [(b"allow", b"GET, HEAD")])
            return
        match = _PATH.fullmatch(scope["path"])
        if match is None:
            await _refuse(scope, send, 404)
            return
        address = self._shelf.find(match[1])
        if address is None or address.revoked:
            # Unknown and revoked take the same way, and so the same time.
            try:
                await self._shelf.fresh()
            except Exception as error:
                # Whether there is such an address nobody can say now; the known ones go on.
                log.error("the addresses cannot be read: %s", type(error).__name__)
                await _refuse(scope, send, 503, [(b"retry-after", b"60")])
                return
            address = self._shelf.find(match[1])
            if address is None or address.revoked:
                await _refuse(scope, send, 410 if address else 404)
                return
        await self._serve(scope, send, address)

    async def _serve(self, scope: Scope, send: Send, address: Address) -> None:
        if seconds := self._pace.wait(address.number):
            await _refuse(scope, send, 429, [(b"retry-after", b"%d" % seconds)])
            return
        query: bytes = scope["query_string"]
        variant = chosen(query) if query else DEFAULT
        try:
            served = self._shelf.ready(address.institution)
            if served is None:
                served = await self._shelf.current(address.institution)
            if served is not None and variant != DEFAULT:
                served = await asyncio.to_thread(self._shelf.variant, address.institution, variant)
        except Exception:
            log.exception("feed of %s could not be rendered", address.institution)
            served = None
        if served is None:
            await _refuse(scope, send, 503, [(b"retry-after", b"60")])
            return
        agent = accept = none_match = since = None
        for name, value in scope["headers"]:
            if name == b"accept-encoding":
                accept = value if accept is None else accept + b"," + value
            elif name == b"if-none-match":
                none_match = value if none_match is None else none_match + b"," + value
            elif name == b"if-modified-since":
                since = value
            elif name == b"user-agent":
                agent = value
        said = _UNPRINTABLE.sub(" ", (agent or b"").decode("latin-1"))[:200]
        self._shelf.note(address, said)
        await _reply(scope, send, *served.answer(accept, none_match, since))


def chosen(query: bytes) -> Variant:
    """Return the variant that a feed address asks for; what it does not know it ignores."""
    try:
        asked = parse_qs(query.decode("ascii"), max_num_fields=20)
    except ValueError:
        return DEFAULT
    return Variant(
        alarms="1" in asked.get("alarms", ()),
        frequent="1" in asked.get("frequent", ()),
        documents=frozenset(asked.get("document", ())),
        kinds=frozenset(asked.get("kind", ())),
    )


async def _refuse(scope: Scope, send: Send, status: int, extra: Headers | None = None) -> None:
    body = _SAYINGS[status].encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *GUARD,
        *(extra or []),
    ]
    await _reply(scope, send, status, headers, body)


async def _reply(scope: Scope, send: Send, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if scope["method"] == "HEAD":
        body = b""
    await send({"type": "http.response.body", "body": body})
