"""The store's records of terms and events as plain values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session

from scheduler.queries import table
from scheduler.records import Happening, Records, Term
from scheduler.tables import Event, Shift

CALENDAR = ZoneInfo("Asia/Shanghai")  # whose days the documents speak of
SHIFTS, EVENTS = table(Shift), table(Event)
MARK = "records"  # moves on with every change of terms and events, so that a saved plan is stale


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
        .where(column.document.in_(documents), column.withdrawn_at.is_(None))
        .order_by(column.on, column.id)
    )
    return tuple(
        Happening(
            row["id"],
            row["document"],
            row["obligation"],
            row["subject"],
            row["on"],
            row["cause"],
        )
        for row in session.execute(query).mappings()
    )
