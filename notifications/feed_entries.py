"""What a feed may show: the stored occurrences that concern its owner."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlmodel import Session, col, or_, select

from notifications import feed, feed_changes, feed_scopes
from notifications.feed import Entry
from scheduler.postponing import postponed
from scheduler.queries import chunks
from scheduler.rows import decode
from scheduler.tables import OccurrenceParty
from scheduler.tables import StoredOccurrence as Stored
from scheduler.world import World
from workflows.document import Document
from workflows.workdays import Workdays


def entries(session: Session, owner: str, day: date, world: World) -> list[Entry]:
    """Return what an owner's feed may show on a local day, cancelled ones for 30 days."""
    first, last = feed.window(day)
    query = select(Stored).where(
        or_(col(Stored.due) >= first, col(Stored.extended_to) >= first),
        col(Stored.due) <= last,
        Stored.phase != "pre-issue",
    )
    rows = {
        row.key: row for some in _wheres(owner, world) for row in session.exec(query.where(*some))
    }
    pair = feed_scopes.sides(owner, world)
    number = owner.partition("/")[2]
    found = []
    for row in rows.values():
        if row.cancelled_on is not None and row.cancelled_on + feed_changes.KEPT <= day:
            continue
        one = decode(row.body)
        if pair and not feed_scopes.about(one, pair, number):
            continue
        found.append(
            Entry(
                occurrence=postponed(one, row.extended_to, world.workdays),
                original=row.due if row.extended_to else None,
                modified_at=row.modified_at,
                sequence=row.sequence,
                status=row.status,
                cancelled_on=row.cancelled_on,
                tentative=moved_by_notice(
                    world.documents.get(row.document), row.obligation, row.due, world.workdays
                ),
                digest=row.digest,
            )
        )
    return found


def _wheres(owner: str, world: World) -> Iterator[list[Any]]:
    """Yield conditions; what meets one of them belongs into the owner's feed."""
    kind, _, rest = owner.rpartition(":")
    if kind == "document":
        yield [Stored.document == rest]
    elif kind == "pairing":
        conditions: list[Any] = [Stored.document == rest.partition("/")[0]]
        pair = feed_scopes.sides(owner, world)
        if pair:  # one that is no longer applied has only what is cancelled now
            yield [*conditions, *(_touches([side]) for side in pair)]
    elif kind == "region":
        for some in chunks(sorted(feed_scopes.members(rest, world))):
            yield [_touches(some)]
    else:
        yield [_touches([owner])]


def _touches(institutions: list[str]) -> Any:
    keys = select(OccurrenceParty.key).where(col(OccurrenceParty.institution).in_(institutions))
    return col(Stored.key).in_(keys)


def moved_by_notice(
    document: Document | None, obligation: str, due: date | None, workdays: Workdays
) -> bool:
    """Return whether a rule moves a date by a notice of holidays that is not out yet."""
    if document is None or due is None or not workdays.provisional(due):
        return False
    return any(
        getattr(getattr(duty, "rule", None), "roll", None) is not None
        for duty in document.obligations
        if duty.id == obligation
    )
