"""What the store holds of the occurrences, as a plan compares it. None of these commits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select, true
from sqlmodel import Session

from scheduler import queries
from scheduler.ladder import REVIEWS
from scheduler.plan import Held, Known
from scheduler.queries import FACTS, MESSAGES, NOT_TOLD, NOTICES, OCCURRENCES, chunks
from scheduler.rows import decode


def held(session: Session, documents: Iterable[str]) -> dict[str, Held]:
    """Return what is stored of the documents, cancelled occurrences included, by key."""
    return _held(session, true(), OCCURRENCES.c.document.in_(list(documents)))


def held_of(session: Session, keys: Iterable[str]) -> dict[str, Held]:
    """Return what is stored under the keys, cancelled occurrences included, by key."""
    found: dict[str, Held] = {}
    for some in chunks(keys):
        found |= _held(session, FACTS.c.key.in_(some), OCCURRENCES.c.key.in_(some))
    return found


def _held(session: Session, pinning: Any, which: Any) -> dict[str, Held]:
    pinned: dict[str, set[str]] = defaultdict(set)
    for key, kind in session.execute(
        select(FACTS.c.key, FACTS.c.kind).where(
            FACTS.c.superseded_by.is_(None), FACTS.c.kind != "corrected", pinning
        )
    ):
        pinned[key].add(kind)
    column = OCCURRENCES.c
    query = select(
        column.key, column.document, column.due, column.digest, column.status,
        column.extended_to, column.history,
    )  # fmt: skip
    found: dict[str, Held] = {}
    for row in session.execute(query.where(which)):
        facts = frozenset(pinned.get(row.key, ()))
        found[row.key] = Held(
            row.key, row.document, row.due, row.digest, row.status, facts,
            row.extended_to, row.history,
        )  # fmt: skip
    return found


def known(session: Session, keys: Iterable[str]) -> dict[str, Known]:
    """Return the stored occurrences of the keys, with what went out about their present date."""
    found: dict[str, Known] = {}
    for some in chunks(keys):
        told = _told_counts(session, some)
        rungs = queries.planned(session, some)
        column = OCCURRENCES.c
        query = select(column.key, column.body, column.extended_to).where(column.key.in_(some))
        for key, body, extended in session.execute(query):
            one = decode(body)
            due = extended or one.due
            known_rungs = rungs.get((key, due), {}) if due else {}
            found[key] = Known(one, told.get(key, 0), frozenset(known_rungs))
    return found


def _told_counts(session: Session, keys: list[str]) -> dict[str, int]:
    query = (
        select(NOTICES.c.key, func.count(NOTICES.c.message_id.distinct()))
        .join(MESSAGES, MESSAGES.c.id == NOTICES.c.message_id)
        .join(OCCURRENCES, OCCURRENCES.c.key == NOTICES.c.key)
        .where(NOTICES.c.key.in_(keys), NOTICES.c.rung.not_in(REVIEWS))
        .where(NOTICES.c.due == func.coalesce(OCCURRENCES.c.extended_to, OCCURRENCES.c.due))
        .where(MESSAGES.c.state.not_in((*NOT_TOLD, "ready", "held")))
        .group_by(NOTICES.c.key)
    )
    return {row[0]: row[1] for row in session.execute(query)}
