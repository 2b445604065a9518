"""Secret feed addresses: one per subscriber, named, revocable; only their hashes are kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, update
from sqlmodel import Session, col, select

from notifications import feed_signal
from scheduler import queries
from scheduler.tables import Audit, Feed, Token

SECRET = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 bits in URL-safe base64
LONGEST_NAME = 80
TOKENS, FEEDS = queries.table(Token), queries.table(Feed)


def digest(secret: str) -> str:
    """Return what the store keeps of a secret. 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create(
    session: Session, institution: str, name: str, now: datetime, who: str = ""
) -> tuple[Token, str]:
    """Add an address for an institution's feed; return its row and the secret, shown only once."""
    if institution not in subscribed(session):
        _drop(session, institution)  # whatever was left of it, nobody has kept it up to date
    secret = secrets.token_urlsafe(32)
    row = Token(
        institution=institution,
        name=name.strip()[:LONGEST_NAME],
        hash=digest(secret),
        created_at=now,
    )
    session.add(row)
    session.flush()
    session.add(
        Audit(at=now, who=who, action="token-create", about=institution, detail=row.name)
    )
    return row, secret


def listed(session: Session) -> Sequence[Token]:
    """Return all addresses, the newest first."""
    return session.exec(select(Token).order_by(col(Token.id).desc())).all()


def revoke(session: Session, number: int, now: datetime, who: str = "") -> Token | None:
    """Revoke an address for good; return its row, or None where there is no such address."""
    row = session.get(Token, number)
    if row is not None and row.revoked_at is None:
        row.revoked_at = now
        session.add(row)
        session.add(
            Audit(at=now, who=who, action="token-revoke", about=row.institution, detail=row.name)
        )
        session.flush()
        if row.institution not in subscribed(session):
            _drop(session, row.institution)  # nobody keeps it up to date any more
    return row


def _drop(session: Session, owner: str) -> None:
    session.execute(delete(FEEDS).where(FEEDS.c.institution == owner))
    feed_signal.forget(session, [owner])


def subscribed(session: Session) -> set[str]:
    """Return the owners that have at least one address in use."""
    query = select(Token.institution).where(col(Token.revoked_at).is_(None)).distinct()
    return set(session.exec(query))


def note_fetches(session: Session, fetches: Mapping[int, tuple[datetime, str]]) -> None:
    """Remember the last fetch of each address: when, and by which program."""
    noted = [{"number": n, "at": at, "agent": agent} for n, (at, agent) in sorted(fetches.items())]
    if noted:  # in one statement: there may be thousands, and the feeds' route waits for the GIL
        session.connection().execute(
            update(TOKENS)
            .where(TOKENS.c.id == bindparam("number"))
            .values(fetched_at=bindparam("at"), fetched_by=bindparam("agent")),
            noted,
        )
