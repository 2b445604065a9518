"""A feed ready to be sent: bytes, both encodings, and every header worked out beforehand."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

Headers = list[tuple[bytes, bytes]]

_OPAQUE = re.compile(rb'(?:W/)?("[^"]*")')
_GZIP = re.compile(rb"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=([0-9.]+)\s*)?(?:,|$)", re.IGNORECASE)
_REFUSED = re.compile(rb"(?:^|,)\s*gzip\s*;\s*q=0(?:\.0*)?\s*(?:,|$)", re.IGNORECASE)

# What every answer under /feeds/ carries.
GUARD: Headers = [
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex"),
    (b"x-content-type-options", b"nosniff"),
]


def etag(body: bytes) -> str:
    """Return the strong validator of some bytes, quotes included."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


@dataclass(frozen=True, slots=True)
class Served:
    """One feed as it goes out. ``tags`` are the validators of both encodings.

    ``body`` is None where only the packed form is kept in memory.
    """

    body: bytes | None
    packed: bytes
    modified_at: datetime
    modified: bytes
    tags: frozenset[bytes]
    plain_headers: Headers
    packed_headers: Headers
    plain_unchanged: Headers
    packed_unchanged: Headers

    @classmethod
    def of(cls, body: bytes, modified_at: datetime, *, lean: bool = False) -> Served:
        """Return a feed's bytes made ready; ``modified_at`` is aware. ``lean``: keep them packed."""
        packed = gzip.compress(body, 6, mtime=0)
        tag = etag(body).encode()
        packed_tag = tag[:-1] + b'-gz"'  # other bytes, so another strong validator
        at = modified_at.astimezone(UTC).replace(microsecond=0)
        modified = format_datetime(at, usegmt=True).encode()

        def validators(one: bytes) -> Headers:
            return [
                (b"etag", one),
                (b"last-modified", modified),
                (b"cache-control", b"private"),
                (b"vary", b"Accept-Encoding"),
                *GUARD,
            ]

        def full(one: bytes, content: bytes) -> Headers:
            return [
                (b"content-type", b"text/calendar; charset=utf-8"),
                (b"content-length", str(len(content)).encode()),
                *validators(one),
            ]

        return cls(
            body=None if lean else body,
            packed=packed,
            modified_at=at,
            modified=modified,
            tags=frozenset({tag, packed_tag}),
            plain_headers=full(tag, body),
            packed_headers=[*full(packed_tag, packed), (b"content-encoding", b"gzip")],
            plain_unchanged=validators(tag),
            packed_unchanged=validators(packed_tag),
        )

    def answer(
        self, accept: bytes | None, none_match: bytes | None, since: bytes | None
    ) -> tuple[int, Headers, bytes]:
        """Return status, headers and body for a request's conditional headers (RFC 9110, 13)."""
        packed = accept is not None and takes_gzip(accept)
        if self._unchanged(none_match, since):
            return 304, self.packed_unchanged if packed else self.plain_unchanged, b""
        if packed:
            return 200, self.packed_headers, self.packed
        plain = gzip.decompress(self.packed) if self.body is None else self.body
        return 200, self.plain_headers, plain

    def _unchanged(self, none_match: bytes | None, since: bytes | None) -> bool:
        if none_match is not None:  # If-Modified-Since does not count beside it
            return none_match.strip() == b"*" or not self.tags.isdisjoint(
                _OPAQUE.findall(none_match)
            )
        if since is None:
            return False
        if since == self.modified:
            return True
        try:
            asked = parsedate_to_datetime(since.decode("latin-1"))
        except ValueError:
            return False
        return asked.tzinfo is not None and self.modified_at <= asked


def takes_gzip(accept: bytes) -> bool:
    """Return whether an Accept-Encoding header allows gzip."""
    if _REFUSED.search(accept):
        return False
    match = _GZIP.search(accept)
    return match is not None and (match[1] is None or match[1].strip(b"0.") != b"")
