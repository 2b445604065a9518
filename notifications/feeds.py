"""Feeds kept ready in the store: rendered when something changed, never when somebody asks.

Only owners with an address in use are kept up to date; the first address renders the first bytes.
When rendering fails, the last good bytes stay and the fault is noted beside them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from notifications import (
    feed_assembly,
    feed_memory,
    feed_next,
    feed_scopes,
    feed_signal,
)
from notifications.feed import Variant
from notifications.feed_next import Next, Outdated, today
from notifications.feed_signal import Signal
from scheduler import queries
from scheduler.faults import fault
from scheduler.store import reading, writing
from scheduler.tables import Feed
from scheduler.world import World

SECOND = timedelta(seconds=1)
Result = TypeVar("Result")
TRIES = 10  # so often a feed is begun anew because another process was quicker


def render_variant(
    engine: Engine, text: str, variant: Variant, now: datetime, world: Callable[[], World]
) -> bytes:
    """Return a subscriber's choice of a feed, from its events as they are stored.

    ``world`` gives the applied one. Raises what rendering raises.
    """
    if variant.frequent:
        with reading(engine) as session:
            kept = feed_memory.frequent(session, text)
        if not kept:
            _applied(text, world, lambda one: render_one(engine, text, now, one, True))
    with reading(engine) as session:
        stored = feed_memory.read(session, text)
        whose = feed_scopes.owner(text, world())
    return feed_assembly.assembled(whose, stored.values(), today(now, world()), variant)


def _applied(text: str, world: Callable[[], World], step: Callable[[World], Result]) -> Result:
    """Return what a step gives with the world that is applied while it goes on."""
    for _ in range(TRIES):
        try:
            return step(world())
        except Outdated:
            continue
    raise RuntimeError(f"versions are applied without end while the feed of {text} is rendered")


def renew(
    engine: Engine, text: str, wanted: Signal | None, now: datetime, world: Callable[[], World]
) -> bool:
    """Have an owner's feed show what a signal stands for; return whether it had to be rendered.

    Without a signal any good bytes will do. ``world`` gives the applied one.
    Raises what rendering raises, after noting the fault beside the last good bytes.
    """
    with reading(engine) as session:
        good = select(Feed.etag).where(Feed.institution == text, col(Feed.fault).is_(None))
        if session.exec(good).first():
            shown = feed_signal.shown(session, text)
            if wanted is None or (shown is not None and shown.covers(wanted)):
                return False  # another process was so kind
    _applied(text, world, lambda one: render_one(engine, text, now, one))
    return True


def render_one(
    engine: Engine, text: str, now: datetime, world: World, frequent: bool = False
) -> bytes:
    """Bring an owner's feed up to date and return its bytes.

    ``frequent``: from now on with what comes every week or two, for the variants that show it.
    Raises ``Outdated``, and what rendering raises, after noting the fault beside the last good bytes.
    """
    for _ in range(TRIES):
        body = _render(engine, text, now, world, frequent)
        if body is not None:
            return body
    raise RuntimeError(f"the feed of {text} is written by others without end")


def _render(
    engine: Engine, text: str, now: datetime, world: World, frequent: bool
) -> bytes | None:
    """Return the feed's bytes; None where another process wrote others in the meantime.

    What is new in a feed, and its stamps, are worked out from its events before; so whoever comes
    second begins anew with those.
    """
    try:
        with reading(engine) as session:
            found = feed_next.upcoming(session, text, now, world, frequent)
    except Outdated:
        raise
    except Exception as error:
        if fault(error) is None:  # a store that cannot be reached is no fault of the feed
            note_fault(engine, text, error, now)
        raise
    kept = found.kept
    stands = kept and (kept.body, kept.state, kept.fault) == (found.body, found.state, None)
    if not stands or found.shown != found.signal:
        with writing(engine) as session:
            if not _keep(session, found, now):
                return None
            feed_signal.note(session, found.signal, text)
            feed_memory.write(session, text, found.before, found.events)
    return found.body


def note_fault(engine: Engine, text: str, error: Exception, now: datetime) -> None:
    """Note a fault beside the last good bytes, or in place of the first ones."""
    said = f"{type(error).__name__}: {error}"[:500]
    with writing(engine) as session:
        row = session.get(Feed, text, with_for_update=True)
        if row is None:
            values = {
                "institution": text, "body": b"", "etag": "", "modified_at": now, "fault": said,
            }  # fmt: skip
            queries.insert_first(session, queries.table(Feed), values)
        elif row.fault != said:  # the same fault again is no change
            row.fault = said


def _keep(session: Session, found: Next, now: datetime) -> bool:
    """Store a feed in place of the one that was read; return whether that was there."""
    text, before, body, state = found.owner.id, found.kept, found.body, found.state
    etag = hashlib.sha256(body).hexdigest()[:32]
    row = session.get(Feed, text, with_for_update=True)
    if feed_signal.shown(session, text) != found.shown:
        return False
    if row is None:
        values = {
            "institution": text, "body": body, "etag": etag, "modified_at": now,
            "state": state, "state_at": now,
        }  # fmt: skip
        return before is None and queries.insert_first(session, queries.table(Feed), values)
    if before is None or (row.etag, row.state) != (before.etag, before.state):
        return False
    row.fault = None
    # HTTP dates count whole seconds, and a change must show in them.
    if row.state != state:
        row.state, row.state_at = state, max(now, (row.state_at or row.modified_at) + SECOND)
    if row.body != body:
        row.modified_at = max(now, row.modified_at + SECOND)
        row.body, row.etag = body, etag
    return True


def good(session: Session) -> set[str]:
    """Return the owners whose feed could be rendered last time."""
    return set(session.exec(select(Feed.institution).where(col(Feed.fault).is_(None))))


def faults(session: Session) -> Mapping[str, str]:
    """Return the owners whose feed could not be rendered last time, with the reason."""
    rows = session.exec(select(Feed.institution, Feed.fault).where(col(Feed.fault).is_not(None)))
    return {text: said or "" for text, said in rows}
