"""A store with as many occurrences as one likes, of which a thousand are due at once.

The rows are written straight into the tables, as ``apply`` would leave them; what P1, P2 and P8
measure is the tick that comes after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Index, delete, insert, select, update
from sqlmodel import Session

from config.contacts import Contact, gathered
from scheduler import store
from scheduler.loading import from_texts
from scheduler.occurrences import Occurrence, occurrences
from scheduler.parties import Party
from scheduler.plan import digest
from scheduler.queries import AUDIT, NOTICES, OCCURRENCES
from scheduler.rows import encode
from scheduler.tick import tick
from scheduler.world import World
from tests.delivery.town import BEGINS, DOCUMENT, WORKFLOW, Town

DUE = 1_000
CHUNK = 20_000
KEY, NAME = "the-key", "the-name"
TOWN = Town(DUE)
# One to be told for each occurrence, so that a thousand occurrences are a thousand notices.
ALONE = WORKFLOW.replace("    assisting: [recipient]\n", "")


def world() -> World:
    """Return a thousand pairs of hospitals, each owing its own reports."""
    document, roster = from_texts(ALONE, TOWN.tables())
    contacts = [Contact(f"da{n}", "liaison", "医务科", f"l@da{n}.example") for n in range(DUE)]
    return replace(
        TOWN.world(), documents={DOCUMENT: document}, rosters={DOCUMENT: roster},
        contacts=gathered(contacts),
    )  # fmt: skip


def _key(n: int, count: int) -> str:
    # Those that are due lie evenly among the others, so that each is on a page of its own.
    return f"{DOCUMENT}/plan/p{n:08}/{'once' if n % (count // DUE) == 0 else 'later'}"


def _rows(of: World, count: int) -> Iterator[list[dict[str, Any]]]:
    first = occurrences(
        of.documents[DOCUMENT], of.rosters[DOCUMENT], of.workdays, date(2026, 1, 1), date(2026, 12, 31)
    )[0]  # fmt: skip
    step = count // DUE
    patterns: dict[int, dict[str, Any]] = {}  # by how much later; only the names differ then
    rows = []
    for n in range(count):
        days = 0 if n % step == 0 else 1 + n % 700
        if days not in patterns:
            patterns[days] = _pattern(first, days)
        name = str(n // step % DUE)
        key, row = _key(n, count), patterns[days]
        body = row["body"].replace(KEY, key).replace(NAME, name)
        rows.append(row | {"key": key, "responsible_id": f"da{name}", "body": body})
        if len(rows) == CHUNK:
            yield rows
            rows = []
    yield rows


def _pattern(first: Occurrence, days: int) -> dict[str, Any]:
    assert first.due is not None
    later = timedelta(days=days)
    responsible = Party(f"da{NAME}", f"支援{NAME}医院")
    one = replace(first, key=KEY, responsible=responsible, due=first.due + later)
    return {
        "document": one.document, "obligation": one.obligation, "kind": one.kind,
        "period": one.period, "due": one.due, "phase": one.phase, "body": encode(one),
        "digest": digest(one), "status": "open", "sequence": 0, "modified_at": BEGINS,
        "next_notice_at": BEGINS + later,
    }  # fmt: skip


def filled(url: str, of: World, count: int, *, durable: bool = True) -> Engine:
    """Return a migrated store with so many occurrences (a multiple of a thousand)."""
    quick = store.connect(url, durable=False)
    store.migrate(quick)
    indexes: list[Index] = sorted(OCCURRENCES.indexes, key=lambda index: str(index.name))
    for index in indexes:
        index.drop(quick)
    for rows in _rows(of, count):
        if rows:
            with quick.begin() as connection:
                connection.execute(insert(OCCURRENCES), rows)
    for index in indexes:
        index.create(quick)
    with quick.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
    quick.dispose()
    return store.connect(url, durable=durable)


def again(engine: Engine) -> None:
    """Make the thousand due again, as if nothing had been planned."""
    keys = [_key(n * step, step * DUE) for step in [_step(engine)] for n in range(DUE)]
    with engine.begin() as connection:
        connection.execute(delete(NOTICES))
        connection.execute(delete(AUDIT))
        due = OCCURRENCES.c.key.in_(keys)
        connection.execute(update(OCCURRENCES).where(due).values(next_notice_at=BEGINS))


def _step(engine: Engine) -> int:
    """Return every how many-th occurrence is due, from the number of the last one."""
    with engine.connect() as connection:
        last = connection.execute(
            select(OCCURRENCES.c.key).order_by(OCCURRENCES.c.key.desc()).limit(1)
        )
        number = last.scalars().first() or ""
    return (int(number.split("/")[2].removeprefix("p")) + 1) // DUE


def ticked(engine: Engine, of: World, now: datetime = BEGINS) -> Callable[[], None]:
    """Return the work of one tick."""

    def run() -> None:
        with Session(engine, expire_on_commit=False) as session:
            assert tick(session, now, of).planned == DUE

    return run


def idle(engine: Engine, of: World, times: int) -> Callable[[], None]:
    """Return the work of so many ticks that find nothing due."""

    def run() -> None:
        for _ in range(times):
            with Session(engine, expire_on_commit=False) as session:
                assert tick(session, BEGINS - timedelta(days=1), of).looked_at == 0

    return run
