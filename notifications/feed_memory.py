"""The events of a feed as they were last shown, in the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from datetime import date, timedelta

from sqlalchemy import delete, func, insert, select
from sqlmodel import Session

from notifications import feed_signal
from notifications.feed_changes import Shown
from scheduler import queries
from scheduler.tables import Feed, FeedEvent, Token

EVENTS, FEEDS, TOKENS = (queries.table(one) for one in (FeedEvent, Feed, Token))
KEPT = timedelta(days=180)  # how long what nobody sees any more is remembered
_COLUMNS = tuple(field.name for field in fields(Shown))


def read(
    session: Session, owner: str, uids: Iterable[str] | None = None
) -> dict[str, Shown]:
    """Return the events of an owner's feed by UID, those included that are no longer shown.

    ``uids``: only these, where they are there.
    """
    query = select(*(EVENTS.c[name] for name in _COLUMNS)).where(EVENTS.c.owner == owner)
    if uids is None:
        return {row[0]: Shown(*row) for row in session.execute(query)}
    return {
        row[0]: Shown(*row)
        for some in queries.chunks(uids)
        for row in session.execute(query.where(EVENTS.c.uid.in_(some)))
    }


def frequent(session: Session, owner: str) -> bool:
    """Return whether an owner's feed keeps what comes every week or two, as somebody asked for it."""
    asked = select(EVENTS.c.uid).where(EVENTS.c.owner == owner, EVENTS.c.frequent).limit(1)
    return session.execute(asked).first() is not None


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


def sweep(session: Session, day: date, used: Collection[str]) -> int:
    """Forget what nobody has seen for half a year, by a local day; return how many events.

    ``used`` are the owners that have an address. Of all others the bytes go at once, as nobody keeps
    them up to date, and their events half a year after the last address was revoked; of those, what
    was cancelled and left the feed long ago. Who comes back sooner finds all stamps going on.
    """
    kept = set(session.scalars(select(FEEDS.c.institution)))
    left_over = sorted(kept.difference(used))
    for some in queries.chunks(left_over):
        session.execute(delete(FEEDS).where(FEEDS.c.institution.in_(some)))
    feed_signal.forget(session, left_over)
    long_ago = day - KEPT
    revoked = func.max(TOKENS.c.revoked_at)
    query = select(TOKENS.c.institution, revoked).group_by(TOKENS.c.institution)
    lately = {owner for owner, at in session.execute(query) if at and at.date() > long_ago}
    owners = set(session.scalars(select(EVENTS.c.owner).distinct()))
    left = [EVENTS.c.owner.in_(some) for some in queries.chunks(sorted(owners.difference(used, lately)))]
    gone = (EVENTS.c.body == b"") & (EVENTS.c.cancelled_on <= long_ago)
    return sum(
        session.connection().execute(delete(EVENTS).where(some)).rowcount for some in (*left, gone)
    )
