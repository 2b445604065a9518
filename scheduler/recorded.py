"""The store's records of terms and events as plain values."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import select
from sqlmodel import Session

from scheduler.queries import table
from scheduler.records import Happening, Records, Term
from scheduler.tables import Event, Shift

SHIFTS, EVENTS = table(Shift), table(Event)
MARK = "records"  # moves on with every change of terms and events, so that a saved plan is stale


def records(session: Session, documents: Iterable[str]) -> Records:
    """Return what stands recorded of some documents, in the order of its days."""
    names = list(documents)
    return Records(_terms(session, names), _events(session, names))


def _terms(session: Session, documents: list[str]) -> tuple[Term, ...]:
    column = SHIFTS.c
    query = (
        select(SHIFTS)
        .where(column.document.in_(documents), column.withdrawn_at.is_(None))
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
        )
        for row in session.execute(query).mappings()
    )


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
