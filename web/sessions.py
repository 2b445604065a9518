"""Signing in: a one-time link that a button consumes, and the session that it opens.

Only hashes are kept. Opening a link changes nothing, because mail scanners open links too.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col

from notifications.tokens import SECRET, digest
from scheduler.tables import Audit, SignIn

LINK_LASTS = timedelta(hours=24)
SESSION_LASTS = timedelta(days=14)
COOKIE = "duban"


def new_link(session: Session, wall: datetime) -> str:
    """Add a one-time sign-in link and return its secret."""
    return _new(session, "link", wall, LINK_LASTS)


def link_is_good(session: Session, secret: str, wall: datetime) -> bool:
    """Return whether a link can still be used."""
    row = _row(session, secret, "link")
    return row is not None and row.used_at is None and wall < row.expires_at


def consume(session: Session, secret: str, wall: datetime) -> str | None:
    """Use up a link and return the secret of a new session; None where the link is no good."""
    if not SECRET.fullmatch(secret):
        return None
    used = session.connection().execute(
        update(SignIn)
        .where(
            col(SignIn.hash) == digest(secret),
            col(SignIn.kind) == "link",
            col(SignIn.used_at).is_(None),
            col(SignIn.expires_at) > wall,
        )
        .values(used_at=wall)
    )
    if used.rowcount != 1:
        return None
    session.add(Audit(at=wall, who="admin", action="sign-in", about="link"))
    return _new(session, "session", wall, SESSION_LASTS)


def is_open(session: Session, secret: str, wall: datetime) -> bool:
    """Return whether a cookie's secret is that of an open session."""
    row = _row(session, secret, "session")
    return row is not None and row.used_at is None and wall < row.expires_at


def close(session: Session, secret: str, wall: datetime) -> None:
    """End a session for good."""
    row = _row(session, secret, "session")
    if row is not None:
        row.used_at = wall
        session.add(row)


def _new(session: Session, kind: str, wall: datetime, lasts: timedelta) -> str:
    secret = secrets.token_urlsafe(32)
    session.add(
        SignIn(hash=digest(secret), kind=kind, created_at=wall, expires_at=wall + lasts)
    )
    session.flush()
    return secret


def _row(session: Session, secret: str, kind: str) -> SignIn | None:
    if not SECRET.fullmatch(secret):
        return None
    row = session.get(SignIn, digest(secret))
    return row if row is not None and row.kind == kind else None
