"""Windows of quotas with what is counted in them: what ``duban quota`` prints and pages show."""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session

from scheduler import aims, recorded, tallies
from scheduler.counting import Tally, pace, tally
from scheduler.occurrences import Occurrence
from scheduler.pacing import window_of
from scheduler.relations import relations
from scheduler.world import World
from workflows.document import Duty


@dataclass(frozen=True, slots=True)
class Line:
    """A window and what is counted in it; ``kept``: its subject keeps records.

    ``about``: the institution of which another one owes it; ``parties``: the names of all whom
    it touches, who owes it first.
    """

    one: Occurrence
    tally: Tally
    kept: bool
    about: str | None = None
    parties: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """Return the id of the subject."""
        return self.one.key.split("/")[2]

    @property
    def paired(self) -> bool:
        """Return whether the window is that of one pairing."""
        return "." in self.subject


def lines(
    session: Session,
    world: World,
    document: str,
    first: date,
    last: date,
    today: date,
    institutions: Set[str] | None = None,
    duty: Duty | None = None,
    pairing: str | None = None,
) -> list[Line]:
    """Return the quota windows that end from one day to another, both included, by end and key.

    As of the local day ``today``. ``institutions``: only what touches one of these ids;
    ``duty`` and ``pairing`` (an id) narrow it further.
    """
    source = world.documents[document]
    terms = recorded.records(session, [document])
    found = aims.windows(world, source, first, last, duty, pairing, terms)
    if institutions is not None:
        parents = _parents(world, document)
        found = [one for one in found if not institutions.isdisjoint(relations(one, parents))]
    return counted(session, world, found, today)


def counted(
    session: Session, world: World, found: Collection[Occurrence], today: date
) -> list[Line]:
    """Return the windows among these with what is counted in them, in the same order."""
    windows = {one.key: window for one in found if (window := window_of(one)) is not None}
    if not windows:
        return []
    series = {key: tallies.series_of(key) for key in windows}
    first = min(window.opens for window in windows.values())
    last = max(window.due for window in windows.values())
    done = tallies.deeds(session, series.values(), first, last)
    kept = tallies.keepers(
        session, {one[0] for one in series.values()}, {one[2] for one in series.values()}
    )
    return [
        Line(
            one,
            tally(windows[one.key], done.get(series[one.key], ()), today),
            (series[one.key][0], series[one.key][2]) in kept,
            _about(one, world),
            _parties(one, world),
        )
        for one in found
        if one.key in windows
    ]


def row(line: Line) -> dict[str, Any]:
    """Return the object of ``duban quota --format json``; dates are YYYY-MM-DD."""
    one, found = line.one, line.tally
    window, quota = found.window, found.window.quota
    supporter, recipient = one.pairings[0] if line.paired else (None, None)
    return {
        "key": one.key,
        "document": one.document,
        "obligation": one.obligation,
        "title": one.title,
        "period": one.period,
        "supporter": supporter.name if supporter else None,
        "recipient": recipient.name if recipient else None,
        "institution": one.responsible.name,
        "about": line.about,
        "parties": list(line.parties),
        "opens": window.opens.isoformat(),
        "due": window.due.isoformat(),
        "per": quota.per,
        "unit": quota.unit,
        "at_least": window.at_least,
        "at_most": quota.at_most,
        "counted": found.counted,
        "expected_by_now": found.expected,
        "enforced": quota.enforced,
        "state": found.state,
        "pace": pace(found),
        "items": list(quota.items),
        "members": list(quota.members),
        "missing": list(found.missing),
        "kept": line.kept,
    }


def _about(one: Occurrence, world: World) -> str | None:
    known = world.rosters[one.document].institutions.get(one.key.split("/")[2])
    return known.name if known and known.id != one.responsible.id else None


def _parties(one: Occurrence, world: World) -> tuple[str, ...]:
    named = [one.responsible.name, _about(one, world)]
    named += [party.name for party in (*one.assisting, *one.recipients)]
    named += [party.name for pair in one.pairings for party in pair]
    return tuple(dict.fromkeys(name for name in named if name))


def _parents(world: World, document: str) -> dict[str, str]:
    known = world.rosters[document].institutions.values()
    return {one.id: one.parent for one in known if one.parent}
