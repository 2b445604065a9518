"""The date that really binds a duty, where another one can only be done after it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from workflows.document import Document

if TYPE_CHECKING:
    from scheduler.occurrences import Occurrence

DEPENDENCE = timedelta(days=400)  # how far ahead a duty may wait for another's date


def bind(
    document: Document,
    found: list[Occurrence],
    whole: Callable[[str, date], Sequence[Occurrence]],
    latest: date,
) -> list[Occurrence]:
    """Return the occurrences with ``binds_by`` moved to what depends on them, where earlier.

    ``whole`` gives all occurrences of an obligation up to a day; none lies beyond ``latest``.
    """
    follows = {duty.id: duty.before for duty in document.obligations if duty.before}
    if not any(one.obligation in follows for one in found):
        return found
    later: dict[str, list[Occurrence]] = {}
    # From the beginning, for a duty without a date waits for the first date of the other.
    reach = [one.due for one in found if one.obligation in follows and one.due]
    last = max([*reach, document.binds_from, document.validity.core_until])
    last = last if last > latest - DEPENDENCE else last + DEPENDENCE

    def dependents(name: str) -> list[Occurrence]:
        if name not in later:
            listed = whole(name, last)
            later[name] = [sooner(one, follows[name]) if name in follows else one for one in listed]
        return later[name]

    def sooner(one: Occurrence, name: str) -> Occurrence:
        # The dependent of the same round: not over before this one begins. Of several, the first
        # within a window, and the nearest to a day.
        begins = one.opens or (date(one.due.year, 1, 1) if one.due else document.binds_from)
        day = one.due if one.opens is None and one.due else begins
        dates = [
            other.binds_by
            for other in dependents(name)
            if other.binds_by and other.binds_by >= begins and _touch(one, other)
        ]
        soonest = min(dates, key=lambda other: (abs(other - day), other), default=None)
        if soonest is None or (one.binds_by is not None and one.binds_by <= soonest):
            return one
        return replace(one, binds_by=soonest)

    return [
        sooner(one, follows[one.obligation]) if one.obligation in follows else one for one in found
    ]


def _touch(one: Occurrence, other: Occurrence) -> bool:
    """Return whether two occurrences are about the same actor or the same pairing."""
    if one.responsible == other.responsible or not one.pairings or not other.pairings:
        return True
    return not set(one.pairings).isdisjoint(other.pairings)
