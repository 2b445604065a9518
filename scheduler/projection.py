"""How the stored occurrences change. All take a session inside a transaction; none commits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import bindparam, delete, exists, insert, select, update
from sqlmodel import Session

from scheduler.queries import FACTS, OCCURRENCES, PARTIES, Row, chunks


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
    """Set status and next notice of occurrences; rows have key and the columns to be set."""
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
    """Delete what was cancelled before a day, unless somebody said something of it."""
    said = exists().where(FACTS.c.key == OCCURRENCES.c.key)
    gone = delete(OCCURRENCES).where(OCCURRENCES.c.cancelled_on < before, ~said)
    done: int = session.execute(gone).rowcount  # type: ignore[attr-defined]
    return done
