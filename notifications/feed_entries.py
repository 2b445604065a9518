"""What a feed may show: the stored occurrences that concern its owner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlmodel import Session, col

from notifications import feed, feed_changes, feed_scopes
from notifications.feed import Entry
from notifications.feed_changes import Shown
from scheduler.postponing import postponed
from scheduler.queries import chunks
from scheduler.rows import decode
from scheduler.tables import OccurrenceParty
from scheduler.tables import StoredOccurrence as Stored
from scheduler.world import World
from workflows.document import Document
from workflows.workdays import Workdays

_COLUMNS = tuple(
    getattr(Stored, name)
    for name in (
        "key", "document", "obligation", "due", "digest", "status", "sequence", "modified_at",
        "cancelled_on", "extended_to",
    )
)  # fmt: skip


class Found(NamedTuple):
    """What a feed may show now: ``entries``, and the UIDs of events that stay as they are."""

    entries: list[Entry]
    same: set[str]


def entries(
    session: Session,
    owner: str,
    day: date,
    world: World,
    before: Mapping[str, Shown] = MappingProxyType({}),
    keys: Iterable[str] | None = None,
    frequent: bool = True,
) -> Found:
    """Return what an owner's feed may show on a local day, cancelled ones for 30 days.

    ``before``: the events as they were last shown. Where nothing else goes into an event than its
    own row, those that cannot have changed are not even read; so it is in the wide feeds.
    ``keys``: only the occurrences with these. ``frequent``: those of every week or two as well; of
    an institution they are there in any case, as titles depend on all of its partners.
    """
    first, last = feed.window(day)
    query = select(*_COLUMNS).where(
        or_(col(Stored.due) >= first, col(Stored.extended_to) >= first),
        col(Stored.due) <= last,
        col(Stored.phase) != "pre-issue",
    )
    some_only = not frequent and ":" in owner
    if some_only:
        query = query.where(col(Stored.cancelled_on).is_not(None) | ~_frequent(world))
    asked = [query]
    if keys is not None:
        asked = [query.where(col(Stored.key).in_(some)) for some in chunks(keys)]
    rows: dict[str, Any] = {}
    for some in _wheres(owner, world):
        for which in asked:
            rows.update((row.key, row) for row in session.execute(which.where(*some)))
    sources: dict[str, str] = {}
    unsure: dict[str, bool] = {}
    same: set[str] = set()
    for key, row in rows.items():
        if row.cancelled_on is not None and row.cancelled_on + feed_changes.KEPT <= day:
            continue
        unsure[key] = moved_by_notice(
            world.documents.get(row.document), row.obligation, row.due, world.workdays
        )
        source = feed_changes.source(
            owner, world.base_url, row.digest, row.status, row.cancelled_on, unsure[key]
        )
        known = before.get(feed.uid(key))
        if known is not None and known.source == source and row.extended_to is None:
            same.add(known.uid)
        else:
            sources[key] = "" if row.extended_to else source
    pair = feed_scopes.sides(owner, world)
    number = owner.partition("/")[2]
    found = []
    for key, body in _bodies(session, sources):
        row, one = rows[key], decode(body)
        if some_only and feed.is_frequent(one):  # cancelled; the duty may be another one now
            continue
        if not pair or feed_scopes.about(one, pair, number):
            found.append(
                Entry(
                    occurrence=postponed(one, row.extended_to, world.workdays),
                    original=row.due if row.extended_to else None,
                    modified_at=row.modified_at,
                    sequence=row.sequence,
                    status=row.status,
                    cancelled_on=row.cancelled_on,
                    tentative=unsure[key],
                    source=sources[key],
                )
            )
    return Found(found, same)


def _bodies(session: Session, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
    for some in chunks(keys):
        query = select(col(Stored.key), col(Stored.body)).where(col(Stored.key).in_(some))
        for row in session.execute(query):
            yield row[0], row[1]


def _wheres(owner: str, world: World) -> Iterator[list[Any]]:
    """Yield conditions; what meets one of them belongs into the owner's feed."""
    kind, _, rest = owner.rpartition(":")
    if kind == "document":
        yield [col(Stored.document) == rest]
    elif kind == "pairing":
        conditions: list[Any] = [col(Stored.document) == rest.partition("/")[0]]
        pair = feed_scopes.sides(owner, world)
        if pair:  # one that is no longer applied has only what is cancelled now
            yield [*conditions, *(_touches([side]) for side in pair)]
    elif kind == "region":
        for some in chunks(sorted(feed_scopes.members(rest, world))):
            yield [_touches(some)]
    else:
        yield [_touches([owner])]


def _frequent(world: World) -> ColumnElement[bool]:
    """Return the condition of what falls due every week or two, by the applied documents."""
    found: list[ColumnElement[bool]] = [false()]
    for name, document in world.documents.items():
        duties = [
            duty.id
            for duty in document.obligations
            if getattr(getattr(duty, "rule", None), "per", None) in feed.FREQUENT
        ]
        found.append(and_(col(Stored.document) == name, col(Stored.obligation).in_(duties)))
    return or_(*found)


def _touches(institutions: list[str]) -> Any:
    keys = select(col(OccurrenceParty.key)).where(
        col(OccurrenceParty.institution).in_(institutions)
    )
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
