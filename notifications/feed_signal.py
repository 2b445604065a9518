"""Whether some feed may be another one, and which: by what was recorded since the last look."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from sqlalchemy import func
from sqlmodel import Session, col, select

from scheduler import queries, recorded
from scheduler.tables import AppliedVersion, Fact, OccurrenceParty

NAME = "feeds"  # the mark that remembers up to what state feeds were rendered


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


def read(session: Session, day: date) -> Signal:
    """Return the signal of the store on a local day."""
    fact, version = (
        session.exec(select(func.max(column))).one() or 0
        for column in (Fact.id, AppliedVersion.id)
    )
    # Time alone brings new years and new holiday notices; the engine marks when it took them in.
    marks = (queries.mark(session, name) or "" for name in ("extended", "horizon", "workdays"))
    days = ",".join((day.isoformat(), *marks)).replace("/", "")
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
