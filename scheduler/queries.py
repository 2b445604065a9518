"""Every query of the engine, named. All take a session inside a transaction; none commits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Table, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

from scheduler.facts import Said
from scheduler.plan import Held, Known
from scheduler.rows import decode
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
    if not rows:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(target).on_conflict_do_nothing(), rows)


# Marks and the audit log


def mark(session: Session, name: str) -> str | None:
    """Return a remembered value, None where there is none."""
    return session.execute(select(MARKS.c.value).where(MARKS.c.name == name)).scalar()


def set_mark(session: Session, name: str, value: str) -> None:
    """Remember a value."""
    done = session.execute(update(MARKS).where(MARKS.c.name == name).values(value=value))
    if not done.rowcount:  # type: ignore[attr-defined]
        session.execute(insert(MARKS).values(name=name, value=value))


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


def held(session: Session, documents: Iterable[str]) -> dict[str, Held]:
    """Return what is stored of the documents, cancelled occurrences included, by key."""
    pinned: dict[str, set[str]] = defaultdict(set)
    for key, kind in session.execute(
        select(FACTS.c.key, FACTS.c.kind).where(FACTS.c.superseded_by.is_(None))
    ):
        pinned[key].add(kind)
    column = OCCURRENCES.c
    query = select(column.key, column.document, column.due, column.digest, column.status)
    found: dict[str, Held] = {}
    for row in session.execute(query.where(column.document.in_(list(documents)))):
        facts = frozenset(pinned.get(row.key, ()))
        found[row.key] = Held(row.key, row.document, row.due, row.digest, row.status, facts)
    return found


def known(session: Session, keys: Iterable[str]) -> dict[str, Known]:
    """Return the stored occurrences of the keys, with how many were told their present date."""
    found: dict[str, Known] = {}
    for some in chunks(keys):
        told = _told_counts(session, some)
        query = select(OCCURRENCES.c.key, OCCURRENCES.c.body).where(OCCURRENCES.c.key.in_(some))
        for key, body in session.execute(query):
            found[key] = Known(decode(body), told.get(key, 0))
    return found


def _told_counts(session: Session, keys: list[str]) -> dict[str, int]:
    query = (
        select(NOTICES.c.key, func.count(NOTICES.c.message_id.distinct()))
        .join(MESSAGES, MESSAGES.c.id == NOTICES.c.message_id)
        .join(OCCURRENCES, OCCURRENCES.c.key == NOTICES.c.key)
        .where(NOTICES.c.key.in_(keys), NOTICES.c.due == OCCURRENCES.c.due)
        .where(MESSAGES.c.state.not_in((*NOT_TOLD, "ready")))
        .group_by(NOTICES.c.key)
    )
    return {row[0]: row[1] for row in session.execute(query)}


class Due(NamedTuple):
    """An occurrence whose ladder is to be looked at."""

    key: str
    body: str
    status: str
    next_notice_at: datetime | None


_DUE = (
    OCCURRENCES.c.key, OCCURRENCES.c.body, OCCURRENCES.c.status, OCCURRENCES.c.next_notice_at,
)  # fmt: skip


def due(session: Session, now: datetime, limit: int) -> list[Due]:
    """Return occurrences whose next notice has come, the oldest first, locked for this session."""
    query = (
        select(*_DUE)
        .where(OCCURRENCES.c.next_notice_at <= now)
        .order_by(OCCURRENCES.c.next_notice_at, OCCURRENCES.c.key)
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


def keys_like(session: Session, prefix: str) -> list[str]:
    """Return the keys that begin so, in order, cancelled ones excepted."""
    column = OCCURRENCES.c
    query = select(column.key).where(
        column.key.startswith(prefix, autoescape=True), column.status != "cancelled"
    )
    return list(session.execute(query.order_by(column.key)).scalars())


def move_on(session: Session, rows: Sequence[Row]) -> None:
    """Set status and next notice where the next notice is still what it was when looked at.

    Rows have ``k``, ``was``, ``status`` and ``next_notice_at``.
    """
    if not rows:
        return
    column = OCCURRENCES.c
    session.connection().execute(
        update(OCCURRENCES)
        .where(column.key == bindparam("k"), column.next_notice_at == bindparam("was"))
        .values(status=bindparam("status"), next_notice_at=bindparam("next_notice_at")),
        rows,
    )


def write_occurrences(
    session: Session, rows: Sequence[Row], parties: Sequence[Row], now: datetime
) -> None:
    """Store whole occurrences with their parties, in place of what stands under their keys.

    Of those that are there already, sequence and instant of change are left to ``touch``.
    """
    if not rows:
        return
    keys = [row["key"] for row in rows]
    present: set[str] = set()
    for some in chunks(keys):
        query = select(OCCURRENCES.c.key).where(OCCURRENCES.c.key.in_(some))
        present.update(session.execute(query).scalars())
        if present.intersection(some):
            session.execute(delete(PARTIES).where(PARTIES.c.key.in_(some)))
    connection = session.connection()
    if new := [row for row in rows if row["key"] not in present]:
        fresh = {"sequence": 0, "modified_at": now}
        connection.execute(insert(OCCURRENCES), [row | fresh for row in new])
    if old := [row for row in rows if row["key"] in present]:
        _update(session, old)
    if parties:
        connection.execute(insert(PARTIES), parties)


def _update(session: Session, rows: Sequence[Row]) -> None:
    names = [name for name in rows[0] if name != "key"]
    session.connection().execute(
        update(OCCURRENCES)
        .where(OCCURRENCES.c.key == bindparam("k"))
        .values({name: bindparam(f"new_{name}") for name in names}),
        [{"k": row["key"], **{f"new_{name}": row[name] for name in names}} for row in rows],
    )


def touch(session: Session, keys: Iterable[str], now: datetime) -> None:
    """Advance what calendars go by: something that a reader sees has changed."""
    for some in chunks(keys):
        session.execute(
            update(OCCURRENCES)
            .where(OCCURRENCES.c.key.in_(some))
            .values(sequence=OCCURRENCES.c.sequence + 1, modified_at=now)
        )


def set_standing(session: Session, rows: Sequence[Row]) -> None:
    """Set status and next notice of occurrences; rows have key, status and next_notice_at."""
    if rows:
        _update(session, rows)


def cancel(session: Session, keys: Iterable[str], today: date) -> None:
    """Cancel occurrences: they stay for a while, so that calendars can show it."""
    for some in chunks(keys):
        session.execute(
            update(OCCURRENCES)
            .where(OCCURRENCES.c.key.in_(some))
            .values(status="cancelled", cancelled_on=today, next_notice_at=None)
        )


def purge(session: Session, before: date) -> int:
    """Delete what was cancelled before a day; return how many."""
    gone = delete(OCCURRENCES).where(OCCURRENCES.c.cancelled_on < before)
    done: int = session.execute(gone).rowcount  # type: ignore[attr-defined]
    return done


# Facts


def facts(session: Session, keys: Iterable[str]) -> dict[str, list[Said]]:
    """Return the facts that hold, by key, in the order in which they were recorded."""
    found: dict[str, list[Said]] = defaultdict(list)
    column = FACTS.c
    for some in chunks(keys):
        query = (
            select(column.key, column.kind, column.on, column.until)
            .where(column.key.in_(some), column.superseded_by.is_(None))
            .order_by(column.recorded_at, column.id)
        )
        for key, *said in session.execute(query):
            found[key].append(Said(*said))
    return found


# Notices


def planned(session: Session, keys: Iterable[str]) -> dict[tuple[str, date], dict[str, datetime]]:
    """Return the rungs that notices stand for, with when they were planned, by key and due."""
    found: dict[tuple[str, date], dict[str, datetime]] = defaultdict(dict)
    column = NOTICES.c
    for some in chunks(keys):
        query = (
            select(column.key, column.due, column.rung, func.max(column.planned_at))
            .where(column.key.in_(some))
            .group_by(column.key, column.due, column.rung)
        )
        for key, day, rung, at in session.execute(query):
            found[key, day][rung] = at
    return found


def plan_notices(session: Session, rows: Sequence[Row]) -> None:
    """Store planned notices; one that is there already is left alone."""
    insert_ignoring(session, NOTICES, rows)


def told(session: Session, keys: Iterable[str]) -> dict[str, list[Notice]]:
    """Return, by key, the latest notice of each recipient that may have left the house."""
    found: dict[str, dict[str, Notice]] = defaultdict(dict)
    for some in chunks(keys):
        query = (
            select(Notice)
            .join(MESSAGES, MESSAGES.c.id == NOTICES.c.message_id)
            .where(NOTICES.c.key.in_(some), MESSAGES.c.state.not_in((*NOT_TOLD, "ready")))
            .order_by(NOTICES.c.planned_at, NOTICES.c.id)
        )
        for notice in session.execute(query).scalars():
            found[notice.key][notice.recipient] = notice
    return {key: list(by_recipient.values()) for key, by_recipient in found.items()}


def recall(session: Session, keys: Iterable[str], now: datetime, why: str) -> None:
    """Cancel messages not yet handed over that speak of the keys, and free their notices.

    The freed notices are pending again: what of them still holds is composed anew.
    """
    for some in chunks(keys):
        waiting = (
            select(MESSAGES.c.id)
            .join(NOTICES, NOTICES.c.message_id == MESSAGES.c.id)
            .where(NOTICES.c.key.in_(some))
            .where(MESSAGES.c.state == "ready", MESSAGES.c.handed == 0)
        )
        ids = list(session.execute(waiting).scalars().unique())
        if not ids:
            continue
        session.execute(
            update(MESSAGES)
            .where(MESSAGES.c.id.in_(ids), MESSAGES.c.state == "ready", MESSAGES.c.handed == 0)
            .values(state="cancelled", reason=why, finished_at=now)
        )
        cancelled = select(MESSAGES.c.id).where(
            MESSAGES.c.id.in_(ids), MESSAGES.c.state == "cancelled"
        )
        session.execute(
            update(NOTICES).where(NOTICES.c.message_id.in_(cancelled)).values(message_id=None)
        )


def drop_pending(session: Session, dues: Mapping[str, date | None], why: str) -> None:
    """Give pending notices of the keys a reason not to be sent, unless they name the given date."""
    rows = [{"k": key, "keep": day or date.min, "why": why} for key, day in dues.items()]
    if rows:
        column = NOTICES.c
        session.connection().execute(
            update(NOTICES)
            .where(column.key == bindparam("k"), column.due != bindparam("keep"))
            .where(column.message_id.is_(None), column.reason.is_(None))
            .values(reason=bindparam("why")),
            rows,
        )
