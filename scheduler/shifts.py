"""Stationing terms are recorded, replaced and withdrawn; nothing of them is ever deleted."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import and_, select, update
from sqlmodel import Session

from config.roster import Roster
from scheduler import queries, recalling, recorded, rotating
from scheduler.happenings import happened
from scheduler.plan import Changes
from scheduler.queries import NOTICES
from scheduler.recorded import SHIFTS
from scheduler.records import Term
from scheduler.refusals import Refused
from scheduler.revising import revise
from scheduler.shift_entries import YEARS, Entry, Fault, check_all, faults, term_of
from scheduler.store import one_planner
from scheduler.tables import Shift
from scheduler.world import World

__all__ = [
    "YEARS", "Entry", "Fault", "add", "as_term", "check_all", "faults", "standing", "withdraw",
]  # fmt: skip


def standing(session: Session, world: World) -> tuple[Term, ...]:
    """Return the terms that stand, of all applied documents."""
    return recorded.records(session, world.documents).terms


def add(
    session: Session,
    entries: Sequence[Entry],
    now: datetime,
    by: str,
    world: World,
    replaces: int | None = None,
) -> list[int]:
    """Record terms in the caller's transaction and return their numbers.

    ``replaces``: the number of the term that the (one) entry takes the place of. What follows from
    them changes in the same transaction. Raises Refused, and records nothing then.
    """
    one_planner(session)
    old = _held(session, replaces) if replaces is not None else None
    held = [term for term in standing(session, world) if term.id != replaces]
    if wrong := check_all(entries, world, held):
        raise Refused(wrong[0][1].message, wrong[0][1].hint)
    rows: list[Shift] = []
    for entry in entries:
        term = term_of(entry, world.rosters[entry.document])
        rows.append(
            Shift(
                document=term.document, supporter=term.supporter, recipient=term.recipient,
                from_=term.from_, until=term.until, people=term.people,
                staff=term.staff.strip(), persons=json.dumps(term.persons, ensure_ascii=False),
                recorded_at=now, recorded_by=by,
            )
        )  # fmt: skip
    session.add_all(rows)
    session.flush()
    if old is not None:
        old.withdrawn_at, old.superseded_by, old.reason = now, rows[0].id, "已改登"
        session.add(old)
    session.flush()
    numbers = [row.id or 0 for row in rows]
    _note(session, rows, "shift", now, by)
    _follow(session, [*rows, *([old] if old else [])], now, by, world, numbers)
    return numbers


def withdraw(
    session: Session, number: int, reason: str, now: datetime, by: str, world: World
) -> Term:
    """Let a term count no longer, in the caller's transaction; return what it was."""
    one_planner(session)
    row = _held(session, number)
    if not reason.strip():
        raise Refused("撤回要写理由", "加上 --reason，如：登记有误")
    row.withdrawn_at, row.reason = now, reason.strip()
    session.add(row)
    session.flush()
    _note(session, [row], "shift-withdrawn", now, by)
    term = as_term(row)
    _follow(session, [row], now, by, world)
    return term


def as_term(row: Shift) -> Term:
    """Return a stored row as a value."""
    persons = tuple(json.loads(row.persons))
    return Term(
        row.id or 0, row.document, row.supporter, row.recipient, row.from_, row.until,
        row.people, row.staff, persons,
    )  # fmt: skip


def _held(session: Session, number: int) -> Shift:
    row = session.get(Shift, number)
    if row is None:
        raise Refused(f"没有编号为 {number} 的驻点期", "编号见 duban shift list")
    if row.withdrawn_at is not None:
        raise Refused(f"编号为 {number} 的驻点期已经撤回或改登", "编号见 duban shift list")
    return row


def _note(session: Session, rows: Iterable[Shift], action: str, now: datetime, by: str) -> None:
    entries: list[queries.Row] = []
    for row in rows:
        about = f"{row.document}/{row.supporter}.{row.recipient}"
        detail = f"编号 {row.id}：{row.from_} 至 {row.until}（不含），{row.people}人"
        detail += "".join(f"；{part}" for part in (row.staff, row.reason) if part)
        entries.append({"at": now, "who": by, "action": action, "about": about, "detail": detail})
    queries.audit(session, entries)


def _follow(
    session: Session,
    rows: Sequence[Shift],
    now: datetime,
    by: str,
    world: World,
    new: Sequence[int] = (),
) -> None:
    """Bring what follows from the terms of some pairings up to what is recorded.

    A team changes at most once a local day, however many entries tell of it. The first terms of a
    pairing are no change: nothing was known before. ``new``: the numbers of what is entered now.
    """
    today = now.astimezone(world.timezone).date()
    touched: dict[str, list[Term]] = defaultdict(list)
    replaced = {row.id for row in rows if row.superseded_by is not None}
    for row in rows:
        touched[row.document].append(as_term(row))
    session.expunge_all()  # from here on the rows change by statements
    for document, terms in touched.items():
        if document not in world.documents:
            continue
        ids = _subjects(terms, world.rosters[document])
        duties = [
            duty.id
            for duty in world.documents[document].obligations
            if rotating.by_terms(duty.rule)
        ]
        _take_back(session, revise(session, document, duties, ids, now, world, by), now)
        current = [term for term in terms if term.until > today and term.id not in replaced]
        known = _known_before(session, document, new)
        current = [term for term in current if (term.supporter, term.recipient) in known]
        if current:  # what is over starts nothing
            about = _subjects(current, world.rosters[document])
            first = min(current, key=lambda term: term.from_)
            cause = f"派驻人员变动：{first.from_} 起{first.people}人"
            origin = f"shift/{today}"
            happened(session, document, "team", about, today, cause, origin, now, world, by)


def _known_before(
    session: Session, document: str, new: Sequence[int]
) -> set[tuple[str, str]]:
    """Return the pairs of hospitals that had a term, withdrawn or not, before what is ``new``."""
    column = SHIFTS.c
    query = select(column.supporter, column.recipient, column.id)
    found = session.execute(query.where(column.document == document))
    return {(row.supporter, row.recipient) for row in found if row.id not in set(new)}


def _subjects(terms: Iterable[Term], roster: Roster) -> set[str]:
    pairs = {(term.supporter, term.recipient) for term in terms}
    return {one.id for one in roster.pairings if (one.supporter, one.recipient) in pairs}


def _take_back(session: Session, changes: Changes, now: datetime) -> None:
    """Take back mails that say what no longer holds, and rungs that are not on the ladder now."""
    changed = [move.key for move in changes.moves if move.action == "change"]
    recalling.recall(session, changed, now, "驻点登记有变，另拟新信")
    for key in changed:
        rungs = [rung for rung, _ in changes.occurrences[key].rungs]
        waiting = and_(NOTICES.c.message_id.is_(None), NOTICES.c.reason.is_(None))
        session.execute(
            update(NOTICES)
            .where(NOTICES.c.key == key, NOTICES.c.rung.not_in(rungs), waiting)
            .values(reason="驻点登记有变，这一档不再需要")
        )
