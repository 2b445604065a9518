"""Feeds kept ready in the store: rendered when something changed, never when somebody asks.

Only institutions with an address in use are kept up to date; the first address renders the first
bytes. When rendering fails, the last good bytes stay and the fault is noted beside them.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine, func
from sqlmodel import Session, col, or_, select

from notifications import feed, feed_changes, tokens
from notifications.feed import Entry, Owner, Variant
from scheduler import queries
from scheduler.postponing import postponed
from scheduler.rows import decode
from scheduler.store import reading, writing
from scheduler.tables import AppliedVersion, Fact, Feed, Mark, OccurrenceParty
from scheduler.tables import StoredOccurrence as Stored
from scheduler.world import World
from workflows.document import Document
from workflows.workdays import Workdays

log = logging.getLogger("duban.feeds")

SIGNAL = "feeds"  # the mark that remembers up to what state feeds were rendered
SECOND = timedelta(seconds=1)
TRIES = 10  # so often a feed is begun anew because another process was quicker

_told: dict[str, str] = {}  # faults that this process has logged, by institution


def today(now: datetime, world: World) -> date:
    """Return the house's local day of an instant."""
    return now.astimezone(world.timezone).date()


def owner(institution: str, world: World) -> Owner:
    """Return the institution with the name that the applied rosters print."""
    for roster in world.rosters.values():
        found = roster.institutions.get(institution)
        if found is not None:
            return Owner(institution, found.name)
    return Owner(institution, institution)


def entries(session: Session, institution: str, day: date, world: World) -> list[Entry]:
    """Return what an institution's feed may show on a local day, cancelled ones for 30 days."""
    first, last = feed.window(day)
    rows = session.exec(
        select(Stored, OccurrenceParty.relation)
        .join(OccurrenceParty, col(OccurrenceParty.key) == col(Stored.key))
        .where(
            OccurrenceParty.institution == institution,
            or_(col(Stored.due) >= first, col(Stored.extended_to) >= first),
            col(Stored.due) <= last,
            Stored.phase != "pre-issue",
        )
    )
    return [
        Entry(
            occurrence=postponed(decode(row.body), row.extended_to, world.workdays),
            original=row.due if row.extended_to else None,
            relation=relation,
            modified_at=row.modified_at,
            sequence=row.sequence,
            status=row.status,
            cancelled=row.cancelled_on is not None,
            tentative=moved_by_notice(
                world.documents.get(row.document), row.obligation, row.due, world.workdays
            ),
        )
        for row, relation in rows
        if row.cancelled_on is None or row.cancelled_on + feed_changes.KEPT > day
    ]


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


def render_variant(
    engine: Engine, institution: str, variant: Variant, now: datetime, world: World
) -> bytes:
    """Return a subscriber's choice of a feed; raises what rendering raises."""
    day = today(now, world)
    with reading(engine) as session:
        known = entries(session, institution, day, world)
    return feed.render(owner(institution, world), known, day, world.base_url, variant)


def render_one(engine: Engine, institution: str, now: datetime, world: World) -> bytes:
    """Bring an institution's feed up to date and return its bytes.

    Raises what rendering raises, after noting the fault beside the last good bytes.
    """
    for _ in range(TRIES):
        body = _render(engine, institution, now, world)
        if body is not None:
            return body
    raise RuntimeError(f"the feed of {institution} is written by others without end")


def _render(engine: Engine, institution: str, now: datetime, world: World) -> bytes | None:
    """Return the feed's bytes; None where another process wrote others in the meantime.

    What is new in a feed, and its stamps, are worked out from the bytes before; so whoever comes
    second begins anew with those.
    """
    day = today(now, world)
    with reading(engine) as session:
        known = entries(session, institution, day, world)
        kept = session.get(Feed, institution)
    previous = kept.body if kept else None
    try:
        body = feed_changes.render(
            owner(institution, world), known, now, day, world.base_url, previous
        )
    except Exception as error:
        with writing(engine) as session:
            row, said = session.get(Feed, institution, with_for_update=True), _said(error)
            if row is not None and row.fault != said:  # the same fault again is no change
                row.fault = said
        raise
    if kept is None or body != previous or kept.fault:
        with writing(engine) as session:
            if not _keep(session, institution, body, kept.etag if kept else None, now):
                return None
    return body


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _keep(
    session: Session, institution: str, body: bytes, before: str | None, now: datetime
) -> bool:
    """Store a feed in place of the one with the etag ``before``; return whether it was there."""
    etag = hashlib.sha256(body).hexdigest()[:32]
    row = session.get(Feed, institution, with_for_update=True)
    if row is None:
        values = {"institution": institution, "body": body, "etag": etag, "modified_at": now}
        return before is None and queries.insert_first(session, queries.table(Feed), values)
    if row.etag != before:
        return False
    row.fault = None
    if row.body != body:
        # HTTP dates count whole seconds, and a change must show in them.
        row.modified_at = max(now, row.modified_at + SECOND)
        row.body, row.etag = body, etag
    return True


def render_changed(
    engine: Engine, now: datetime, world: World, *, everything: bool = False
) -> int:
    """Bring the feeds in use up to date and return how many were rendered.

    A new fact concerns the institutions that its occurrence touches; a new applied version, and a
    new local day, may concern all. What failed is tried again. ``everything`` looks everywhere.
    """
    with reading(engine) as session:
        signal = _signal(session, today(now, world))
        mark = session.get(Mark, SIGNAL)
        known = Signal.of(mark.value) if mark and not everything else None
        subscribed = tokens.subscribed(session)
        good = select(Feed.institution).where(col(Feed.fault).is_(None))
        wanted = subscribed - set(session.exec(good).all())
        if known is None or known._replace(fact=signal.fact) != signal:
            wanted = subscribed
        elif known.fact != signal.fact:
            wanted |= subscribed & _touched(session, known.fact)
    done = _render_all(engine, sorted(wanted), now, world)
    if known != signal:
        with writing(engine) as session:
            queries.set_mark(session, SIGNAL, str(signal))
    return done


class Signal(NamedTuple):
    """What a feed depends on: another value whenever some feed may be another one."""

    days: str
    fact: int
    version: int

    def __str__(self) -> str:
        return f"{self.days}/{self.fact}/{self.version}"

    @classmethod
    def of(cls, text: str) -> Signal | None:
        """Return the signal that a text holds, or None."""
        parts = text.split("/")
        if len(parts) != 3 or not (parts[1].isdigit() and parts[2].isdigit()):
            return None
        return cls(parts[0], int(parts[1]), int(parts[2]))


def _signal(session: Session, day: date) -> Signal:
    fact, version = (
        session.exec(select(func.max(column))).one() or 0
        for column in (Fact.id, AppliedVersion.id)
    )
    # Time alone brings new years and new holiday notices; the engine marks when it took them in.
    marks = (queries.mark(session, name) or "" for name in ("extended", "horizon", "workdays"))
    return Signal(",".join((day.isoformat(), *marks)), fact, version)


def _touched(session: Session, since: int) -> set[str]:
    """Return the institutions of the occurrences that newer facts are about."""
    keys = select(Fact.key).where(col(Fact.id) > since)
    return set(
        session.exec(
            select(OccurrenceParty.institution).where(col(OccurrenceParty.key).in_(keys))
        ).all()
    )


def _render_all(engine: Engine, wanted: Iterable[str], now: datetime, world: World) -> int:
    done = 0
    for institution in wanted:
        try:
            render_one(engine, institution, now, world)
            done += 1
            _told.pop(institution, None)
        except Exception as error:
            if _told.get(institution) != _said(error):  # tried again twice a second: said once
                log.exception("feed of %s could not be rendered", institution)
                _told[institution] = _said(error)
    return done


def faults(session: Session) -> Mapping[str, str]:
    """Return the institutions whose feed could not be rendered last time, with the reason."""
    rows = session.exec(select(Feed.institution, Feed.fault).where(col(Feed.fault).is_not(None)))
    return {institution: fault or "" for institution, fault in rows}
