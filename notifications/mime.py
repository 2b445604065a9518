"""The bytes of a mail with a text and an HTML part.

Written out here and not with ``email.message``: its header parser decodes ``=?…?=`` found inside
names (before Python 3.13 even into a line end), and it takes three times as long. RFC 2045–2047.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime
from email.header import Header
from email.utils import format_datetime, parseaddr
from typing import NamedTuple

from notifications.phrasing import plain

SUBJECT_LIMIT = 120
NO_HOST = "duban.invalid"


class Head(NamedTuple):
    """What the header of a mail says. ``at`` is aware and written in its own zone."""

    sender: str
    recipient: str
    name: str
    subject: str
    message_id: str
    at: datetime
    manage_url: str
    references: tuple[str, ...] = ()


def message_id(key: str, sender: str) -> str:
    """Return the Message-ID of a mail's key; the same key has the same for good."""
    domain = parseaddr(sender)[1].rpartition("@")[2]
    host = domain if domain and domain.isascii() and domain.isprintable() else NO_HOST
    return f"<{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:32]}@{host}>"


def _encoded(text: str) -> str:
    """Return a header text as RFC 2047 words, folded; ASCII too, so that nothing is decoded."""
    return Header(text, "utf-8", maxlinelen=75).encode(linesep="\r\n")


def _mailbox(name: str, address: str) -> str:
    return f"{_encoded(plain(name))} <{address}>" if plain(name) else address


def _lines(head: Head) -> Iterable[tuple[str, str]]:
    sender_name, sender = parseaddr(head.sender)
    yield "From", _mailbox(sender_name, sender)
    yield "To", _mailbox(head.name, head.recipient)
    yield "Subject", _encoded(plain(head.subject, SUBJECT_LIMIT))
    yield "Date", format_datetime(head.at)
    yield "Message-ID", head.message_id
    if head.references:
        yield "References", "\r\n ".join(head.references)
    yield "Auto-Submitted", "auto-generated"
    yield "X-Auto-Response-Suppress", "All"
    yield "List-Unsubscribe", f"<{head.manage_url}>"
    yield "MIME-Version", "1.0"


def assemble(head: Head, text: str, html: str) -> bytes:
    """Return the full mail, CRLF throughout, ASCII throughout.

    Raises ValueError for a header value that would start a line of its own.
    """
    boundary = "=_" + hashlib.sha256(head.message_id.encode()).hexdigest()[:32]
    lines = [f"{name}: {_safe(name, value)}" for name, value in _lines(head)]
    lines.append(f'Content-Type: multipart/alternative; boundary="{boundary}"')
    head_bytes = "\r\n".join(lines).encode("ascii")
    parts = [
        b"\r\n\r\n--" + boundary.encode() + b"\r\n" + _part(kind, content)
        for kind, content in (("plain", text), ("html", html))
    ]
    return head_bytes + b"".join(parts) + b"\r\n--" + boundary.encode() + b"--\r\n"


def _safe(name: str, value: str) -> str:
    # Folds are CRLF and a space; anything else that ends a line is somebody's attempt.
    unfolded = value.replace("\r\n ", " ")
    if not unfolded.isascii() or not unfolded.isprintable():
        raise ValueError(f"a value of {name} cannot stand in a header")
    return value


def _part(kind: str, content: str) -> bytes:
    encoded = base64.encodebytes(content.encode("utf-8", "replace")).replace(b"\n", b"\r\n")
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head.encode("ascii") + encoded.removesuffix(b"\r\n")
