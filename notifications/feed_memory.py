"""The events of a feed as they were last shown, in the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from sqlalchemy import delete, insert, select
from sqlmodel import Session

from notifications.feed_changes import Shown
from scheduler import queries
from scheduler.tables import FeedEvent

EVENTS = queries.table(FeedEvent)
_COLUMNS = tuple(field.name for field in fields(Shown))


def read(session: Session, owner: str) -> dict[str, Shown]:
    """Return the events of an owner's feed by UID, those included that are no longer shown."""
    query = select(*(EVENTS.c[name] for name in _COLUMNS)).where(EVENTS.c.owner == owner)
    return {row[0]: Shown(*row) for row in session.execute(query)}


def write(
    session: Session, owner: str, before: Mapping[str, Shown], after: Mapping[str, Shown]
) -> None:
    """Store the events of a feed; ``before`` are those that are stored, and only the rest is."""
    changed = [one for name, one in after.items() if before.get(name) != one]
    stale = [name for name in before if before[name] != after.get(name)]
    for some in queries.chunks(stale):
        session.execute(delete(EVENTS).where(EVENTS.c.owner == owner, EVENTS.c.uid.in_(some)))
    if changed:
        rows = [
            {"owner": owner} | {name: getattr(one, name) for name in _COLUMNS} for one in changed
        ]
        session.execute(insert(EVENTS), rows)
