"""Where nobody is stationed today, though somebody was and the text asks for the whole year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from scheduler import queries, recorded, rotating
from scheduler.facts import DONE
from scheduler.parties import Party, subjects
from scheduler.stationing import Span
from scheduler.world import World
from workflows.kinds import RotationRule


@dataclass(frozen=True)
class RunningGap:
    """A gap that today lies in. ``days``: how many have passed since the first.

    ``until``: the first day on which somebody is recorded again, None where nobody is.
    """

    key: str
    document: str
    supporter: Party
    recipient: Party
    since: date
    until: date | None
    days: int


def running(
    session: Session, world: World, today: date, institutions: frozenset[str] | None = None
) -> list[RunningGap]:
    """Return the gaps of all documents that a local day lies in, the longest first.

    ``institutions``: ids; only the gaps of pairings that one of them is a side of, or of a
    hospital below one of them. What was settled (completed, waived) is left out.
    """
    records = recorded.records(session, world.documents)
    found = []
    for name, document in world.documents.items():
        roster = world.rosters[name]
        for duty in document.obligations:
            rule = getattr(duty, "rule", None)
            if not isinstance(rule, RotationRule):
                continue
            schedules = rotating.schedules(document, roster, duty, records)
            pairs = {one.id: one.pairings[0] for one in subjects(document, roster, duty)
                     if one.id in schedules}  # fmt: skip
            for subject, (supporter, recipient) in pairs.items():
                gaps = rotating.gaps(schedules[subject])
                gap = next((one for one in gaps if one.from_ <= today < one.until), None)
                sides = [one.id for one in (supporter, recipient) if one.id]
                near = {*sides, *(above for side in sides for above in roster.above(side))}
                if gap is None or (institutions is not None and institutions.isdisjoint(near)):
                    continue
                key = f"{name}/{duty.id}/{subject}/{rotating.GAP}{gap.from_}"
                until = _until(gap, schedules[subject])
                days = (today - gap.from_).days
                found.append(RunningGap(key, name, supporter, recipient, gap.from_, until, days))
    # What is not stored is not asked for: the text does not demand the whole year.
    statuses = queries.statuses(session, [one.key for one in found])
    left = [o for o in found if statuses.get(o.key, "cancelled") not in (*DONE, "cancelled")]
    return sorted(left, key=lambda one: (one.since, one.key))


def _until(gap: Span, schedule: rotating.Schedule) -> date | None:
    """Return the day on which a gap ends, None where it ends with nobody."""
    return next((term.from_ for term in schedule.terms if term.from_ == gap.until), None)
