"""The store's records of terms and events as plain values."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlmodel import Session

from scheduler.queries import MARKS, mark, set_mark, table
from scheduler.records import Happening, Records, Term
from scheduler.tables import Event, Shift

CALENDAR = ZoneInfo("Asia/Shanghai")  # whose days the documents speak of
SHIFTS, EVENTS = table(Shift), table(Event)
MARK = "records"  # moves on with every change of terms and events, so that a saved plan is stale
REMEMBERED = 200  # so many of these changes are known by the keys that they changed


def note(session: Session, keys: Iterable[str]) -> None:
    """Count a change of terms or events, and remember the occurrences that it changed.

    To be called by one planner at a time.
    """
    number = changes(session) + 1
    set_mark(session, MARK, str(number))
    set_mark(session, f"{MARK}/{number}", json.dumps(sorted(keys)))
    session.execute(delete(MARKS).where(MARKS.c.name == f"{MARK}/{number - REMEMBERED}"))


def changes(session: Session) -> int:
    """Return how often terms and events have changed."""
    return int(mark(session, MARK) or 0)


def revised(session: Session, since: int) -> set[str] | None:
    """Return the keys that changed after the given count of changes, None where nobody knows."""
    names = [f"{MARK}/{number}" for number in range(since + 1, changes(session) + 1)]
    if len(names) > REMEMBERED:
        return None
    found = session.execute(select(MARKS.c.value).where(MARKS.c.name.in_(names))).scalars().all()
    if len(found) != len(names):
        return None
    return {key for value in found for key in json.loads(value)}


def records(session: Session, documents: Iterable[str]) -> Records:
    """Return what stands recorded of some documents, in the order of its days."""
    names = list(documents)
    terms = _terms(session, names)
    return Records(
        tuple(term for term in terms if term.withdrawn_on is None),
        _events(session, names),
        tuple(term for term in terms if term.withdrawn_on is not None),
    )


def _terms(session: Session, documents: list[str]) -> tuple[Term, ...]:
    column = SHIFTS.c
    query = (
        select(SHIFTS)
        .where(column.document.in_(documents))
        .order_by(column["from_"], column.until, column.id)
    )
    return tuple(
        Term(
            row["id"],
            row["document"],
            row["supporter"],
            row["recipient"],
            row["from_"],
            row["until"],
            row["people"],
            row["staff"],
            tuple(json.loads(row["persons"])),
            _day(row["recorded_at"]),
            _day(row["withdrawn_at"]),
        )
        for row in session.execute(query).mappings()
    )


def _day(at: datetime | None) -> date | None:
    return at.astimezone(CALENDAR).date() if at else None


def _events(session: Session, documents: list[str]) -> tuple[Happening, ...]:
    column = EVENTS.c
    query = (
        select(EVENTS)
        .where(column.document.in_(documents))
        .order_by(column.on, column.id)
    )
    found: list[Happening] = []
    often: Counter[tuple[str, str, str, date]] = Counter()
    for row in session.execute(query).mappings():
        at = (row["document"], row["obligation"], row["subject"], row["on"])
        often[at] += 1  # the withdrawn count too: no other ever gets the key of one
        if row["withdrawn_at"] is None:
            found.append(Happening(row["id"], *at, row["cause"], often[at]))
    return tuple(found)
