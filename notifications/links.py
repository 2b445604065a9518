"""Signed links to an item's page: who may act on one item without a session, and until when.

A link is a bearer's: whoever holds the mail holds it. It names one item, one institution and one
role, ends by itself, and only opens a page; what the page does, a person has to confirm there.
A link to the 台账 of an authority is made alike, and good for looking only.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256

from sqlmodel import Session

from scheduler import queries

MARK = "link-key"  # one for the store, so that every replica signs and reads alike
PARAMETER = "k"
LASTS = timedelta(days=90)
REHEARSAL = "simulate"  # the key of a store that is thrown away: its links open nothing anywhere

LEDGER = "ledger:"  # then an institution's id: no item's key has a colon

_PURPOSE = "duban item link 1"
_SHAPE = re.compile(r"([A-Za-z0-9_.-]{1,200})\.([a-z]{1,20})\.(\d{4}-\d\d-\d\d)\.([A-Za-z0-9_-]{43})")


class Invalid(Exception):
    """A link that nobody signed for this item, or that was damaged on its way."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a link is good for; ``until`` is its last local day."""

    key: str
    institution: str
    role: str
    until: date


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes the links of one mail: for its recipient, from its day on."""

    secret: str
    institution: str
    role: str
    day: date

    def token(self, key: str) -> str:
        """Return the token for an item, or an empty string where nothing is signed."""
        if not self.secret:
            return ""
        return sign(self.secret, Scope(key, self.institution, self.role, self.day + LASTS))


def ledger(institution: str) -> str:
    """Return what stands in place of an item's key in a link to an authority's 台账."""
    return f"{LEDGER}{institution}"


def secret(session: Session) -> str:
    """Return the store's key, made on first use in the caller's transaction.

    Of two processes that make one at once, both get the one that was stored first.
    """
    found = queries.mark(session, MARK)
    if found is None:
        made = {"name": MARK, "value": secrets.token_urlsafe(32)}
        queries.insert_ignoring(session, queries.MARKS, [made])
        found = queries.mark(session, MARK)
    assert found is not None
    return found


def sign(key: str, scope: Scope) -> str:
    """Return the token of a scope, URL-safe; the same scope gives the same token."""
    said = f"{scope.institution}.{scope.role}.{scope.until.isoformat()}"
    return f"{said}.{_seal(key, scope)}"


def read(key: str | None, item: str, token: str) -> Scope:
    """Return what a token is good for, which may be over; ``item`` is the key that it stands at.

    Raises Invalid where it was not signed with this store's key for that item.
    """
    match = _SHAPE.fullmatch(token)
    if match is None or not key:
        raise Invalid
    try:
        scope = Scope(item, match[1], match[2], date.fromisoformat(match[3]))
    except ValueError:
        raise Invalid from None
    if not hmac.compare_digest(match[4], _seal(key, scope)):
        raise Invalid
    return scope


def _seal(key: str, scope: Scope) -> str:
    # Lines, because none of the parts can hold a line's end: no two scopes read the same.
    parts = (_PURPOSE, scope.key, scope.institution, scope.role, scope.until.isoformat())
    digest = hmac.digest(key.encode(), "\n".join(parts).encode(), sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
