"""The numbers at the head of the first page. All take a session inside a transaction."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import func
from sqlmodel import Session, col, select

from scheduler import queries as store_queries
from scheduler.facts import standing
from scheduler.tables import StoredOccurrence as Stored
from web.queries import BOUND, ENDS, OWED, UNDONE, of_institution, reminded, tracked


class Figures(NamedTuple):
    """The numbers at the head of the first page; ``this_week`` up to Sunday."""

    late: int
    soon: int
    this_week: int
    waiting: int
    tracked: int
    quotas: int


def figures(
    session: Session, today: date, soon: date, far: date, institution: str | None = None
) -> Figures:
    """Return how much is late, due up to ``soon``, waits for acceptance; quotas due up to ``far``."""
    mine = of_institution(institution)

    def count(*conditions: object) -> int:
        return session.exec(select(func.count()).select_from(Stored).where(*conditions)).one()  # type: ignore[arg-type]

    def due(first: date, last: date) -> int:
        owed = col(Stored.status).in_(OWED)
        near = (col(Stored.due) <= last, first <= ENDS, last >= ENDS)
        return count(*near, owed, *reminded(by_terms=True), mine)

    return Figures(
        late=count(
            col(Stored.due) < today, today > ENDS, col(Stored.status).in_(OWED), *reminded(), mine
        ),
        soon=due(today, soon),
        this_week=due(today, today + timedelta(days=6 - today.weekday())),
        waiting=count(
            Stored.status == "submitted", of_institution(institution, (*BOUND, "receiver"))
        ),
        tracked=tracked(session),
        quotas=count(
            Stored.kind == "quota", Stored.status == "open", col(Stored.due) >= today,
            col(Stored.due) <= far, mine,
        ),
    )  # fmt: skip


class OnTime(NamedTuple):
    """Of what fell due in a year up to a day, and what was reported of it early, how much was in time."""

    on_time: int
    expected: int


def on_time(session: Session, today: date, institution: str | None = None) -> OnTime:
    """Return how much of this year's was reported in time, by the date that counts."""
    query = select(Stored.key, Stored.status, ENDS).where(
        col(Stored.due) >= date(today.year, 1, 1),
        col(Stored.due) <= date(today.year, 12, 31),
        col(Stored.status).in_(("completed", "submitted", *UNDONE)),
        *reminded(),
        of_institution(institution),
    )
    rows = session.exec(query).all()
    done = [row[0] for row in rows if row[1] in ("completed", "submitted")]
    facts = store_queries.facts(session, done)
    timely = expected = 0
    for key, status, ends in rows:
        if status in UNDONE:
            expected += ends < today
            continue
        expected += 1
        on = standing(facts.get(key, ()), today).reported_on
        timely += on is not None and on <= ends
    return OnTime(timely, expected)
