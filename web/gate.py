"""What stands in front of every page: who may come in, from where forms may come, and headers.

Nothing is decided by the peer's address: behind a proxy everyone is 127.0.0.1.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from notifications.links import PARAMETER
from scheduler import evidence
from scheduler.faults import said
from scheduler.store import reading
from web import reminders, sessions
from web.acting import PATHS as LINKED
from web.door import Application, Receive, Scope, Send
from web.house import House

log = logging.getLogger("duban.web")

SAFE = ("GET", "HEAD", "OPTIONS")
LARGEST_FORM = 64 * 1024
HANDING_IN = "/act/"  # the one place to which a file may be sent
LARGEST_FILE = evidence.LIMIT + LARGEST_FORM
OPEN = ("/static/", "/sign-in/")
OPEN_PAGES = (reminders.ADDRESS, "/readyz", "/openapi.json", "/metrics", "/favicon.ico")

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A mail carries its styles inline; it is shown in a frame that can do nothing.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox"
)
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


class Gate:
    """An ASGI layer around the pages; ``refuse`` answers with a status and a Chinese sentence."""

    def __init__(self, inner: Application, house: House, refuse: Application) -> None:
        self._inner, self._house, self._refuse = inner, house, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        try:
            status = await self._verdict(scope, headers)
        except SQLAlchemyError as error:
            log.error("nobody can be let in: %s", said(error))
            status = 503
        sending = _with_headers(scope, send, self._referrer(headers))
        if status:
            scope["refused"] = status
            await self._refuse(scope, receive, sending)
            return
        await self._inner(scope, _limited(receive, _largest(scope["path"])), sending)

    async def _verdict(self, scope: Scope, headers: dict[bytes, str]) -> int:
        """Return the status with which a request is refused, 0 where it may pass."""
        path: str = scope["path"]
        if scope["method"] not in SAFE:
            if not from_here(headers, self._house.settings.base_url):
                return 403
            length = headers.get(b"content-length", "0")
            if not length.isdigit() or int(length) > _largest(path):
                return 413
        if path.startswith(OPEN) or path in OPEN_PAGES:
            return 0
        secret = cookie(headers.get(b"cookie", ""))
        signed_in = bool(secret) and await to_thread.run_sync(self._knows, secret)
        # Whoever has a link may open its item; the page itself looks whether it is good for that.
        scope.setdefault("state", {})["signed_in"] = signed_in
        return 0 if signed_in or (path.startswith(LINKED) and _has_link(scope)) else 401

    def _referrer(self, headers: dict[bytes, str]) -> bytes:
        """Return how much of our addresses a browser may tell: never more than the host.

        Over plain http a browser says where a form comes from in Origin alone, and under
        ``no-referrer`` it says ``null`` there, so that every form would be refused.
        """
        plain = b"sec-fetch-site" not in headers
        secure = self._house.settings.base_url.startswith("https://")
        return b"strict-origin" if plain and not secure else b"no-referrer"

    def _knows(self, secret: str) -> bool:
        with reading(self._house.engine) as session:
            return sessions.is_open(session, secret, self._house.wall())


def from_here(headers: dict[bytes, str], base_url: str) -> bool:
    """Return whether a form comes from one of our own pages.

    Browsers say where it comes from; a client that says nothing is no browser, and carries nobody
    else's cookie.
    """
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get(b"origin")
    if origin is None:
        return True
    return urlsplit(origin).netloc in (headers.get(b"host", ""), urlsplit(base_url).netloc)


def cookie(header: str) -> str:
    """Return the session's secret from a Cookie header, or an empty string."""
    try:
        found = SimpleCookie(header).get(sessions.COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _largest(path: str) -> int:
    return LARGEST_FILE if path.startswith(HANDING_IN) else LARGEST_FORM


def _has_link(scope: Scope) -> bool:
    try:
        return PARAMETER in parse_qs(scope["query_string"].decode("ascii"), max_num_fields=20)
    except ValueError:
        return False


def _limited(receive: Receive, largest: int) -> Receive:
    seen = 0

    async def limited() -> MutableMapping[str, Any]:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > largest:
            raise HTTPException(413)
        return message

    return limited


def _with_headers(scope: Scope, send: Send, referrer: bytes) -> Send:
    static = scope["path"].startswith("/static/")
    mail = scope["path"].startswith("/outbox/") and scope["path"].endswith("/html")
    policy = MAIL_POLICY if mail else POLICY

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            extra = [
                *HEADERS,
                (b"referrer-policy", referrer),
                (b"content-security-policy", policy.encode()),
            ]
            if not static:
                extra.append((b"cache-control", b"no-store"))
            message["headers"] = [
                *message["headers"],
                *(one for one in extra if one[0] not in present),
            ]
        await send(message)

    return sending
