"""Every query of the engine, named. All take a session inside a transaction; none commits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Table, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

from scheduler.facts import Said
from scheduler.tables import (
    AppliedVersion,
    Audit,
    Fact,
    Mark,
    Message,
    Notice,
    OccurrenceParty,
    StoredOccurrence,
)  # fmt: skip

NOBODY = "无人可送"
NOBODY_THEN = "当时无人可送，后来已改送"
CHUNK = 5_000  # keys in one statement; SQLite takes 32,766
Row = dict[str, Any]


def table(model: type[SQLModel]) -> Table:
    """Return the Core table of a model."""
    found: Table = model.__table__  # type: ignore[attr-defined]
    return found


VERSIONS, AUDIT, FACTS, MARKS = table(AppliedVersion), table(Audit), table(Fact), table(Mark)
MESSAGES, NOTICES = table(Message), table(Notice)
PARTIES, OCCURRENCES = table(OccurrenceParty), table(StoredOccurrence)
NOT_TOLD = ("failed", "bounced", "expired", "cancelled")  # states in which nobody got a message


def chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    """Yield the keys in lists that one statement can take."""
    listed = list(keys)
    for start in range(0, len(listed), CHUNK):
        yield listed[start : start + CHUNK]


def insert_ignoring(session: Session, target: Table, rows: Sequence[Row]) -> None:
    """Insert rows; those whose unique key is there already are left as they are."""
    if rows:
        session.execute(_dialect(session).insert(target).on_conflict_do_nothing(), rows)


def insert_first(session: Session, target: Table, row: Row) -> bool:
    """Insert a row; return False where one with its unique key is there already."""
    statement = _dialect(session).insert(target).values(**row).on_conflict_do_nothing()
    # Not rowcount: PostgreSQL's driver has none where the database makes the key.
    return session.execute(statement.returning(*target.primary_key)).first() is not None


def _dialect(session: Session) -> Any:
    return postgresql if session.get_bind().dialect.name == "postgresql" else sqlite


# Marks and the audit log


def mark(session: Session, name: str) -> str | None:
    """Return a remembered value, None where there is none."""
    return session.execute(select(MARKS.c.value).where(MARKS.c.name == name)).scalar()


def set_mark(session: Session, name: str, value: str) -> None:
    """Remember a value."""
    written = _dialect(session).insert(MARKS).values(name=name, value=value)
    session.execute(written.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def audit(session: Session, rows: Sequence[Row]) -> None:
    """Add rows of at, who, action, about and detail to the audit log."""
    if rows:
        session.execute(insert(AUDIT), rows)


# Applied versions


def versions(session: Session) -> dict[str, AppliedVersion]:
    """Return the newest applied version of each document, withdrawn ones included."""
    newest = select(func.max(VERSIONS.c.id)).group_by(VERSIONS.c.document)
    found = session.execute(select(AppliedVersion).where(VERSIONS.c.id.in_(newest))).scalars()
    return {one.document: one for one in found}


def newest_version(session: Session) -> int:
    """Return the number of the newest applied version, 0 where nothing was applied yet."""
    return session.execute(select(func.max(VERSIONS.c.id))).scalar() or 0


def newest_fact(session: Session) -> int:
    """Return the number of the newest fact, 0 where there is none."""
    return session.execute(select(func.max(FACTS.c.id))).scalar() or 0


# Occurrences


class Due(NamedTuple):
    """An occurrence whose ladder is to be looked at."""

    key: str
    body: str
    status: str
    next_notice_at: datetime | None
    history: bool
    extended_to: date | None


_DUE = (
    OCCURRENCES.c.key, OCCURRENCES.c.body, OCCURRENCES.c.status, OCCURRENCES.c.next_notice_at,
    OCCURRENCES.c.history, OCCURRENCES.c.extended_to,
)  # fmt: skip


def due(session: Session, now: datetime, limit: int) -> list[Due]:
    """Return occurrences whose next notice has come, the oldest first, locked for this session."""
    query = (
        select(*_DUE)
        .where(OCCURRENCES.c.next_notice_at <= now)
        .order_by(OCCURRENCES.c.next_notice_at)  # as the index has it: no batch sorts the rest
        .limit(limit)
        .with_for_update(skip_locked=True)  # SQLite has one writer anyway
    )
    return [Due(*row) for row in session.execute(query)]


def by_keys(session: Session, keys: Iterable[str]) -> list[Due]:
    """Return the occurrences of these keys that are not cancelled."""
    found: list[Due] = []
    for some in chunks(keys):
        query = select(*_DUE).where(
            OCCURRENCES.c.key.in_(some), OCCURRENCES.c.status != "cancelled"
        )
        found += [Due(*row) for row in session.execute(query)]
    return found


def scheduled(session: Session) -> list[str]:
    """Return the keys of all occurrences that wait for a notice."""
    query = select(OCCURRENCES.c.key).where(OCCURRENCES.c.next_notice_at.is_not(None))
    return list(session.execute(query).scalars())


def statuses(session: Session, keys: Iterable[str]) -> dict[str, str]:
    """Return the status of each stored occurrence of these keys."""
    found: dict[str, str] = {}
    for some in chunks(keys):
        query = select(OCCURRENCES.c.key, OCCURRENCES.c.status).where(OCCURRENCES.c.key.in_(some))
        found.update({row.key: row.status for row in session.execute(query)})
    return found


def extensions(session: Session, keys: Iterable[str]) -> dict[str, date]:
    """Return the later day that an authority granted, of those keys that have one."""
    found: dict[str, date] = {}
    column = OCCURRENCES.c
    for some in chunks(keys):
        query = select(column.key, column.extended_to)
        query = query.where(column.key.in_(some), column.extended_to.is_not(None))
        found.update({row.key: row.extended_to for row in session.execute(query)})
    return found


def keys_like(session: Session, prefix: str) -> list[str]:
    """Return the keys that begin so, in order, cancelled ones excepted."""
    column = OCCURRENCES.c
    query = select(column.key).where(
        column.key.startswith(prefix, autoescape=True), column.status != "cancelled"
    )
    return list(session.execute(query.order_by(column.key)).scalars())


def keys_under(session: Session, prefix: str) -> list[str]:
    """Return the keys that begin so, cancelled ones included."""
    column = OCCURRENCES.c
    query = select(column.key).where(column.key.startswith(prefix, autoescape=True))
    return list(session.execute(query.order_by(column.key)).scalars())


# Facts


def facts(session: Session, keys: Iterable[str]) -> dict[str, list[Said]]:
    """Return the facts that no correction withdrew, by key, in the order of their recording."""
    found: dict[str, list[Said]] = defaultdict(list)
    column, later = FACTS.c, FACTS.alias()
    for some in chunks(keys):
        query = (
            select(column.key, column.kind, column.on, column.until, column.id)
            .outerjoin(later, later.c.id == column.superseded_by)
            .where(column.key.in_(some), column.kind != "corrected")
            .where(or_(later.c.id.is_(None), later.c.kind != "corrected"))
            .order_by(column.id)
        )
        for key, *said in session.execute(query):
            found[key].append(Said(*said))
    return found


# Notices


def planned(session: Session, keys: Iterable[str]) -> dict[tuple[str, date], dict[str, datetime]]:
    """Return the rungs that notices stand for, with when they were planned, by key and due.

    A rung that nobody could be told of is not among them: it is planned again.
    Of those that the store learned of from the journal, nobody knows whether their rung was
    planned for all: planned again, it is for those who are missing.
    """
    found: dict[tuple[str, date], dict[str, datetime]] = defaultdict(dict)
    column = NOTICES.c
    for some in chunks(keys):
        query = (
            select(column.key, column.due, column.rung, func.max(column.planned_at))
            .where(column.key.in_(some), column.restored.is_(False))
            .where(column.reason.is_distinct_from(NOBODY))
            .group_by(column.key, column.due, column.rung)
        )
        for key, day, rung, at in session.execute(query):
            found[key, day][rung] = at
    return found


def made_good(session: Session, reached: Iterable[tuple[str, str]]) -> None:
    """Note of rungs that went to nobody that they have found somebody now."""
    pairs = set(reached)
    column = NOTICES.c
    for some in chunks({key for key, _ in pairs}):
        query = select(column.id, column.key, column.rung)
        query = query.where(column.key.in_(some), column.reason == NOBODY)
        found = [row.id for row in session.execute(query) if (row.key, row.rung) in pairs]
        if found:
            session.execute(update(NOTICES).where(column.id.in_(found)).values(reason=NOBODY_THEN))


def plan_notices(session: Session, rows: Sequence[Row]) -> None:
    """Store planned notices; one that is there already is left alone."""
    insert_ignoring(session, NOTICES, rows)
