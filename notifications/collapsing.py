"""After a standstill: an earlier rung that never left is not sent beside a later one that is due.

The tick plans the highest of the rungs it missed; this does the same for those that were planned,
or composed, before the standstill and had not left, whoever they go to. What left stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlmodel import Session

from notifications.rechecking import COLLAPSED
from scheduler.ladder import ASIDE, higher
from scheduler.queries import MESSAGES, NOT_TOLD, NOTICES, audit, chunks
from scheduler.recalling import withdraw
from scheduler.store import one_planner

WHY = "后一档已到，另拟新信"
N, M = NOTICES.c, MESSAGES.c


def collapse(session: Session, now: datetime) -> int:
    """Give every rung that was overtaken before it left its reason; return how many they were.

    It is overtaken by a higher one of the same occurrence and date that was planned after it and
    may be sent at ``now`` (aware), or is in a mail. Rungs planned together, as for those to whom a
    duty was handed on, are all meant. In the caller's transaction.
    """
    one_planner(session, shared=True)
    found = _overtaken(session, now)
    if not found:
        return 0
    mails = {earlier.message_id for earlier, _ in found if earlier.message_id is not None}
    withdraw(session, sorted(mails), now, WHY)
    dropped = []
    for earlier, later in found:
        given_up = (
            update(NOTICES)
            .where(N.id == earlier.id, N.message_id.is_(None), N.reason.is_(None))
            .values(reason=COLLAPSED)
        )
        if session.execute(given_up).rowcount == 1:  # type: ignore[attr-defined]
            dropped.append((earlier, later))
    audit(session, [_entry(earlier, later, now) for earlier, later in dropped])
    return len(dropped)


def _overtaken(session: Session, now: datetime) -> list[tuple[Any, str]]:
    """Return the notices that have not left and the rung that overtook each."""
    found: dict[int, tuple[Any, str]] = {}
    unsent = list(_unsent(session))
    keys = {one.key for one in unsent}
    later: dict[tuple[str, Any], list[Any]] = {}
    for one in _later(session, keys, now) if keys else ():
        later.setdefault((one.key, one.due), []).append(one)
    for one in unsent:
        for other in later.get((one.key, one.due), ()):
            if other.planned_at > one.planned_at and higher(other.rung, one.rung):
                best = found.get(one.id)
                if best is None or higher(other.rung, best[1]):
                    found[one.id] = (one, other.rung)
    return list(found.values())


def _unsent(session: Session) -> Iterable[Any]:
    """Return the rungs that wait for a mail, or are in one that nobody has claimed yet."""
    # Held mail is looked at when it is released: its notices wait then.
    waiting = and_(N.message_id.is_(None), N.reason.is_(None))
    ready = select(M.id).where(M.state == "ready", M.handed == 0)
    columns = (N.id, N.key, N.due, N.rung, N.recipient, N.planned_at, N.message_id)
    for some in (waiting, N.message_id.in_(ready)):
        query = select(*columns).where(some, N.channel == "mail", N.rung.not_in(ASIDE))
        yield from session.execute(query).all()


def _later(session: Session, keys: Iterable[str], now: datetime) -> Iterable[Any]:
    """Return of these keys the rungs that may go now, or are in a mail that may reach somebody."""
    goes = and_(N.message_id.is_(None), N.reason.is_(None), N.release_at <= now)
    for some in chunks(keys):
        query = (
            select(N.key, N.due, N.rung, N.planned_at)
            .outerjoin(MESSAGES, M.id == N.message_id)
            .where(N.key.in_(some), N.rung.not_in(ASIDE), N.restored.is_(False))
            .where(or_(goes, M.state.not_in(NOT_TOLD)))
            .distinct()
        )
        yield from session.execute(query).all()


def _entry(earlier: Any, rung: str, now: datetime) -> dict[str, Any]:
    detail = f"{earlier.rung}（致 {earlier.recipient}）未发：{COLLAPSED} {rung}"
    return {"at": now, "who": "duban", "action": "skipped", "about": earlier.key, "detail": detail}
