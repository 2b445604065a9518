"""How a store says that what it holds is invented, and at which instant its clock stands."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from scheduler import queries

MARK = "demonstration"


def declare(session: Session, at: datetime) -> None:
    """Say that everything in the store is invented; ``at`` (aware) is where its story ends."""
    queries.set_mark(session, MARK, at.isoformat())


def ends(session: Session) -> datetime | None:
    """Return the instant at which a demonstration's story ends; None for a store of the real world."""
    value = queries.mark(session, MARK)
    return datetime.fromisoformat(value) if value else None
