"""Whether some feed may be another one, and which: by what was recorded since the last look."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import NamedTuple

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from notifications import feed_changes
from scheduler import queries, recorded
from scheduler.tables import AppliedVersion, Fact, OccurrenceParty

NAME = "feeds"  # the mark up to what state all feeds in use were rendered; with an owner: one of them


class Signal(NamedTuple):
    """What a feed depends on: another value whenever some feed may be another one.

    ``records`` counts the changes of terms and events. Activities are not among them: what counts
    towards a quota changes no event.
    """

    days: str
    fact: int
    version: int
    records: int

    def __str__(self) -> str:
        return f"{self.days}/{self.fact}/{self.version}/{self.records}"

    @classmethod
    def of(cls, text: str) -> Signal | None:
        """Return the signal that a text holds, or None."""
        days, *numbers = text.split("/")
        if len(numbers) != 3 or not all(number.isdigit() for number in numbers):
            return None
        return cls(days, *map(int, numbers))

    def covers(self, other: Signal) -> bool:
        """Return whether what was rendered by this signal shows all that the other one stands for."""
        pairs = zip(self[1:], other[1:], strict=True)
        return self.days == other.days and all(mine >= theirs for mine, theirs in pairs)

    def only_later(self, other: Signal) -> bool:
        """Return whether nothing but a day has passed since the other signal."""
        dates, others = self.days.split(",")[2:], other.days.split(",")[2:]
        return (dates, *self[1:]) == (others, *other[1:])


def read(session: Session, day: date, base_url: str) -> Signal:
    """Return the signal of the store on a local day, for a program whose pages have this address."""
    fact, version = (
        session.exec(select(func.max(column))).one() or 0
        for column in (Fact.id, AppliedVersion.id)
    )
    # Time alone brings new years and new holiday notices; the engine marks when it took them in.
    # The first two are days that pass anyway.
    marks = (queries.mark(session, name) or "" for name in ("extended", "horizon", "workdays"))
    made_by = feed_changes.source("", base_url)[:8]  # another program may word events otherwise
    days = ",".join((day.isoformat(), *marks, made_by)).replace("/", "")
    return Signal(days, fact, version, recorded.changes(session))


def touched(session: Session, known: Signal, signal: Signal) -> dict[str, list[str]] | None:
    """Return the institutions of each key that changed since a signal; None: all may have."""
    if (known.days, known.version) != (signal.days, signal.version):
        return None
    keys: set[str] = set()
    if known.fact != signal.fact:
        keys.update(session.exec(select(Fact.key).where(col(Fact.id) > known.fact)))
    if known.records != signal.records:
        revised = recorded.revised(session, known.records)
        if revised is None:
            return None
        keys |= revised
    found: dict[str, list[str]] = {key: [] for key in keys}
    for some in queries.chunks(keys):
        query = select(OccurrenceParty.key, OccurrenceParty.institution)
        for key, institution in session.exec(query.where(col(OccurrenceParty.key).in_(some))):
            found[key].append(institution)
    return found


def shown(session: Session, owner: str = "") -> Signal | None:
    """Return up to what state an owner's feed was rendered, or all that are in use."""
    value = queries.mark(session, _name(owner))
    return Signal.of(value) if value else None


def note(session: Session, signal: Signal, owner: str = "") -> None:
    """Remember up to what state an owner's feed was rendered, or all that are in use."""
    queries.set_mark(session, _name(owner), str(signal))


def forget(session: Session, owners: Collection[str]) -> None:
    """Forget it of owners whose feeds are no longer kept."""
    for some in queries.chunks(sorted(map(_name, owners))):
        session.execute(delete(queries.MARKS).where(queries.MARKS.c.name.in_(some)))


def _name(owner: str) -> str:
    return f"{NAME}/{owner}" if owner else NAME
