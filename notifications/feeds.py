"""Feeds kept ready in the store: rendered when something changed, never when somebody asks.

Only owners with an address in use are kept up to date; the first address renders the first bytes.
When rendering fails, the last good bytes stay and the fault is noted beside them.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from notifications import feed_changes, feed_memory, feed_scopes, feed_signal, tokens
from notifications.feed import DEFAULT, Owner, Variant
from notifications.feed_changes import Shown
from notifications.feed_entries import entries
from scheduler import queries
from scheduler.faults import fault
from scheduler.store import reading, writing
from scheduler.tables import Feed, Mark
from scheduler.world import World

log = logging.getLogger("duban.feeds")

SECOND = timedelta(seconds=1)
BATCH = 8  # feeds that are rendered until those ready are served and news are looked for
TRIES = 10  # so often a feed is begun anew because another process was quicker

_told: dict[str, str] = {}  # faults that this process has logged, by owner


def today(now: datetime, world: World) -> date:
    """Return the house's local day of an instant."""
    return now.astimezone(world.timezone).date()


@dataclass(frozen=True, slots=True)
class Next:
    """A feed as it is to be now: its events, and the row and events that are stored."""

    owner: Owner
    day: date
    events: Mapping[str, Shown]
    kept: Feed | None
    before: Mapping[str, Shown]

    def body(self, variant: Variant = DEFAULT) -> bytes:
        """Return the bytes of a variant."""
        return feed_changes.assembled(self.owner, self.events.values(), self.day, variant)


def upcoming(session: Session, text: str, now: datetime, world: World) -> Next:
    """Return an owner's feed as it is to be now; nothing is written. Raises what rendering raises."""
    day = today(now, world)
    whose = feed_scopes.owner(text, world)
    kept = session.get(Feed, text)
    stored = feed_memory.read(session, text)
    before = stored
    if not stored and kept is not None and not kept.state:
        before = feed_changes.remembered(kept.body)
    known = entries(session, text, day, world, stored)
    events = feed_changes.advance(
        whose, known.entries, before, now, day, world.base_url, known.same
    )
    return Next(whose, day, events, kept, stored)


def render_variant(
    engine: Engine, text: str, variant: Variant, now: datetime, world: World
) -> bytes:
    """Return a subscriber's choice of a feed, from its events as they are stored.

    Raises what rendering raises.
    """
    with reading(engine) as session:
        stored = feed_memory.read(session, text)
        whose = feed_scopes.owner(text, world)
    return feed_changes.assembled(whose, stored.values(), today(now, world), variant)


def render_one(engine: Engine, text: str, now: datetime, world: World) -> bytes:
    """Bring an owner's feed up to date and return its bytes.

    Raises what rendering raises, after noting the fault beside the last good bytes.
    """
    for _ in range(TRIES):
        body = _render(engine, text, now, world)
        if body is not None:
            return body
    raise RuntimeError(f"the feed of {text} is written by others without end")


def _render(engine: Engine, text: str, now: datetime, world: World) -> bytes | None:
    """Return the feed's bytes; None where another process wrote others in the meantime.

    What is new in a feed, and its stamps, are worked out from its events before; so whoever comes
    second begins anew with those.
    """
    try:
        with reading(engine) as session:
            found = upcoming(session, text, now, world)
        body = found.body()
    except Exception as error:
        if fault(error) is None:  # a store that cannot be reached is no fault of the feed
            _note(engine, text, _said(error), now)
        raise
    state = feed_changes.state(found.events.values())
    kept = found.kept
    if kept is None or body != kept.body or kept.state != state or kept.fault:
        with writing(engine) as session:
            if not _keep(session, text, body, state, kept, now):
                return None
            feed_memory.write(session, text, found.before, found.events)
    return body


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _note(engine: Engine, text: str, said: str, now: datetime) -> None:
    """Note a fault beside the last good bytes, or in place of the first ones."""
    with writing(engine) as session:
        row = session.get(Feed, text, with_for_update=True)
        if row is None:
            values = {
                "institution": text, "body": b"", "etag": "", "modified_at": now, "fault": said,
            }  # fmt: skip
            queries.insert_first(session, queries.table(Feed), values)
        elif row.fault != said:  # the same fault again is no change
            row.fault = said


def _keep(
    session: Session, text: str, body: bytes, state: str, before: Feed | None, now: datetime
) -> bool:
    """Store a feed in place of the one that was read; return whether that was there."""
    etag = hashlib.sha256(body).hexdigest()[:32]
    row = session.get(Feed, text, with_for_update=True)
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


def render_changed(
    engine: Engine,
    now: datetime,
    world: World,
    *,
    everything: bool = False,
    take: Callable[[Sequence[str]], object] = len,
) -> int:
    """Bring the feeds in use up to date and return how many were rendered.

    A new fact, term or event concerns the owners that its occurrences touch; a new applied
    version, and a new local day, may concern all. What failed is tried again. ``everything`` looks
    everywhere.

    Where many are to be rendered, those fetched last come first, and ``take`` is told after every
    few whose feeds are ready. What is recorded meanwhile goes before what waits; when a version is
    applied meanwhile, the rest is left to the next call, which has the new world.
    """
    day = today(now, world)
    with reading(engine) as session:
        signal = feed_signal.read(session, day)
        mark = session.get(Mark, feed_signal.NAME)
        known = feed_signal.Signal.of(mark.value) if mark and not everything else None
        used = tokens.subscribed(session)
        good = select(Feed.institution).where(col(Feed.fault).is_(None))
        wanted = set(used) - set(session.exec(good).all())
        touched = feed_signal.touched(session, known, signal) if known else None
        if touched is None:
            wanted = set(used)
        elif touched:
            wanted |= feed_scopes.concerned(used, touched, world)
    waiting, done = [text for text in used if text in wanted], 0
    while waiting:
        some, waiting = waiting[:BATCH], waiting[BATCH:]
        done += _render_all(engine, some, now, world)
        take(some)
        if waiting:
            news = _news(engine, signal, day)
            if news is None:
                return done
            signal, keys = news
            first = feed_scopes.concerned(used, keys, world)
            waiting = [text for text in used if text in first] + [
                text for text in waiting if text not in first
            ]
    if known != signal:
        with writing(engine) as session:
            queries.set_mark(session, feed_signal.NAME, str(signal))
            if known is None or known.days != signal.days:
                feed_memory.sweep(session, day, tokens.subscribed(session))
    return done


def _news(
    engine: Engine, known: feed_signal.Signal, day: date
) -> tuple[feed_signal.Signal, Mapping[str, Sequence[str]]] | None:
    """Return what is so now and the keys that changed since; None: all may be another."""
    with reading(engine) as session:
        signal = feed_signal.read(session, day)
        touched = feed_signal.touched(session, known, signal)
    return None if touched is None else (signal, touched)


def _render_all(engine: Engine, wanted: Iterable[str], now: datetime, world: World) -> int:
    done = 0
    for text in wanted:
        try:
            render_one(engine, text, now, world)
            done += 1
            _told.pop(text, None)
        except Exception as error:
            if fault(error) is not None:  # nothing counts as rendered, so the next call does it
                raise
            if _told.get(text) != _said(error):  # tried again twice a second: said once
                log.exception("feed of %s could not be rendered", text)
                _told[text] = _said(error)
    return done


def faults(session: Session) -> Mapping[str, str]:
    """Return the owners whose feed could not be rendered last time, with the reason."""
    rows = session.exec(select(Feed.institution, Feed.fault).where(col(Feed.fault).is_not(None)))
    return {text: said or "" for text, said in rows}
