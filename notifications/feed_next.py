"""A feed as it is to be now, and what of the stored one that changes.

A few facts touch a few events of a wide feed, so only those are worked out again where nothing else
can be another: the same day, the same version, and an owner whose titles do not depend on what else
is in the feed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from notifications import feed_assembly, feed_changes, feed_memory, feed_scopes, feed_signal
from notifications.feed import DEFAULT, Owner, Variant, uid
from notifications.feed_changes import Shown
from notifications.feed_entries import entries
from notifications.feed_signal import Signal
from scheduler.tables import Feed
from scheduler.world import World

FEW = 200  # keys; beyond that all is worked out again


class Outdated(Exception):
    """A world is not of the version that is applied in the store."""


@dataclass(frozen=True, slots=True)
class Next:
    """A feed as it is to be now.

    ``kept`` is the stored row, ``body`` and ``state`` what it is to hold. ``before`` are the events as
    they are stored and ``events`` as they are to be, both only as far as they were looked at.
    ``signal`` is the state of the store that this feed shows, ``shown`` the one that the stored one
    shows.
    """

    owner: Owner
    kept: Feed | None
    body: bytes
    state: str
    before: Mapping[str, Shown]
    events: Mapping[str, Shown]
    signal: Signal
    shown: Signal | None


def today(now: datetime, world: World) -> date:
    """Return the house's local day of an instant."""
    return now.astimezone(world.timezone).date()


def upcoming(
    session: Session, text: str, now: datetime, world: World, frequent: bool = False
) -> Next:
    """Return an owner's feed as it is to be now; nothing is written.

    Only variants show what comes every week or two, and few ask for them. So these events are kept
    from the first time on that somebody did: ``frequent``.
    Raises ``Outdated``, and what rendering raises.
    """
    day = today(now, world)
    signal = feed_signal.read(session, day, world.base_url)
    if world.version not in (None, signal.version):
        raise Outdated
    whose = feed_scopes.owner(text, world)
    kept, shown = session.get(Feed, text), feed_signal.shown(session, text)
    kept_too = feed_memory.frequent(session, text)
    keys = None
    if kept is not None and kept.state and (kept_too or not frequent):
        keys = _few(session, whose, shown, signal)
    stored = feed_memory.read(session, text, None if keys is None else map(uid, keys))
    before = stored
    if not stored and kept is not None and not kept.state:
        before = feed_changes.remembered(kept.body)
    every = frequent or kept_too
    known = entries(session, text, day, world, stored, keys, every)
    events = feed_changes.advance(
        whose, known.entries, before, now, day, world.base_url, known.same, every
    )
    if kept is None or keys is None:
        state = feed_assembly.state(events.values())
        body = feed_assembly.assembled(whose, events.values(), day)
    else:
        state = feed_assembly.moved_state(kept.state, stored, events)
        body = feed_assembly.spliced(kept.body, stored, events, day) or feed_assembly.assembled(
            whose, {**feed_memory.read(session, text), **events}.values(), day
        )
    return Next(whose, kept, body, state, stored, events, signal, shown)


def variant(
    session: Session, text: str, wanted: Variant, now: datetime, world: World
) -> bytes:
    """Return the bytes of a subscriber's choice of a feed as it is to be now.

    Raises what rendering raises.
    """
    found = upcoming(session, text, now, world, wanted.frequent)
    if wanted == DEFAULT:
        return found.body
    events = {**feed_memory.read(session, text), **found.events}
    return feed_assembly.assembled(found.owner, events.values(), today(now, world), wanted)


def _few(
    session: Session, owner: Owner, shown: Signal | None, signal: Signal
) -> Collection[str] | None:
    """Return the keys of all that may be another than in the stored feed; None: anything may."""
    if not owner.scope or shown is None:
        return None
    touched = feed_signal.touched(session, shown, signal)
    return None if touched is None or len(touched) > FEW else touched
