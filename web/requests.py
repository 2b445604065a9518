"""What is said of an item that is no fact: a wish for more time, and evidence handed in later."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from scheduler import queries, recalling, reviewing
from scheduler.store import one_planner
from scheduler.tables import Audit, Fact
from scheduler.tables import StoredOccurrence as Stored
from scheduler.world import World

ASKED, HANDED_IN = "ask-extension", "evidence"


class Asked(NamedTuple):
    """A wish for more time: until when, why, who asked and when."""

    key: str
    until: date
    reason: str
    by: str
    at: datetime


class HandedIn(NamedTuple):
    """Evidence that came without a fact; ``mention`` is a stored file's, or an address or text."""

    mention: str
    by: str
    at: datetime


def ask(
    session: Session, key: str, until: date, reason: str, now: datetime, by: str, world: World
) -> None:
    """Note that somebody asks for more time, in the caller's transaction; who decides is told."""
    one_planner(session)
    recalling.recall(session, [key], now, "有延期申请，另拟新信")
    reviewing.asked(session, key, until, reason, now, world)
    row = {"at": now, "who": by, "action": ASKED, "about": key}
    queries.audit(session, [row | {"detail": f"{until.isoformat()} {reason}"}])


def hand_in(session: Session, key: str, mention: str, now: datetime, by: str) -> None:
    """Note that evidence was handed in, in the caller's transaction."""
    row = {"at": now, "who": by, "action": HANDED_IN, "about": key, "detail": mention}
    queries.audit(session, [row])


def asked(session: Session, key: str) -> list[Asked]:
    """Return who asked for more time for an item, in order."""
    query = select(Audit).where(Audit.about == key, Audit.action == ASKED).order_by(col(Audit.id))
    return [_asked(row) for row in session.exec(query)]


def handed_in(session: Session, key: str) -> list[HandedIn]:
    """Return what evidence of an item came without a fact, in order."""
    query = select(Audit).where(Audit.about == key, Audit.action == HANDED_IN)
    return [
        HandedIn(row.detail, row.who, row.at) for row in session.exec(query.order_by(col(Audit.id)))
    ]


def unanswered(session: Session, limit: int) -> list[tuple[Asked, Stored]]:
    """Return the newest wishes after which nothing was granted and nothing done, with their items."""
    query = (
        select(Audit, Stored)
        .join(Stored, col(Stored.key) == col(Audit.about))
        .where(
            Audit.action == ASKED,
            col(Stored.status).in_(("open", "acknowledged", "returned")),
            ~select(Fact.id)
            .where(
                Fact.key == Audit.about,
                Fact.kind == "extended",
                col(Fact.recorded_at) >= col(Audit.at),
            )
            .exists(),
        )
        .order_by(col(Audit.id).desc())
        .limit(limit)
    )
    newest: dict[str, tuple[Asked, Stored]] = {}
    for row, stored in session.exec(query):
        newest.setdefault(stored.key, (_asked(row), stored))
    return list(newest.values())


def _asked(row: Audit) -> Asked:
    day, _, reason = row.detail.partition(" ")
    return Asked(row.about, date.fromisoformat(day), reason, row.who, row.at)
