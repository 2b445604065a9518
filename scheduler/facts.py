"""What people said of an occurrence, and on what footing it stands because of it. Pure.

Facts are read in the order in which they were recorded. One that a correction withdrew is not
among them, and one that does not fit where it stands (an acceptance of nothing) counts for
nothing: so a corrected history is the history without the corrected fact.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

DONE = ("completed", "waived")
SETTLED = (*DONE, "submitted")  # nobody who owes it has anything to do
KINDS = (
    "completed", "submitted", "accepted", "returned", "acknowledged", "extended", "waived",
    "corrected",
)  # fmt: skip
WORDS = {
    "completed": "已完成",
    "submitted": "已报送",
    "accepted": "已受理",
    "returned": "退回",
    "acknowledged": "已知悉",
    "extended": "延期",
    "waived": "免报",
    "corrected": "更正",
}


class Said(NamedTuple):
    """One recorded fact: its kind, the day it is about, until when (included), and its number."""

    kind: str
    on: date | None = None
    until: date | None = None
    id: int = 0


class Standing(NamedTuple):
    """How an occurrence stands because of its facts, on a local day.

    ``quiet_until``: the last day (included) on which it is to be silent. ``extended_to``: the
    latest day that an authority granted, whatever the due date is. ``reported_on``: the day of the
    report that counts, of what is done or waits for acceptance; of several submissions between
    two returns the first, while a completion takes the place of the one before. ``returned``: what
    was reported last came back, whoever knows of it.
    """

    status: str
    quiet_until: date | None = None
    extended_to: date | None = None
    reported_on: date | None = None
    returned: bool = False


class Reading(NamedTuple):
    """Facts read in their order: what they come to, and which fact took the place of which.

    ``stage``: open, submitted, returned, completed or waived.
    """

    stage: str
    known_until: date | None
    extended_to: date | None
    reported_on: date | None
    superseded: dict[int, int]


def read(facts: Iterable[Said]) -> Reading:
    """Return what facts come to, in the order in which they were recorded.

    ``superseded`` gives the number of the fact that took another's place; 0 for one that does not
    fit where it stands.
    """
    stage, known, extended = "open", None, None
    reports: list[Said] = []  # submissions since the last return
    decisive: list[Said] = []  # what the stage rests on
    reported: date | None = None
    acknowledged: Said | None = None
    superseded: dict[int, int] = {}
    for fact in facts:
        kind = fact.kind
        if kind == "acknowledged":
            if acknowledged:
                superseded[acknowledged.id] = fact.id
            acknowledged, known = fact, fact.until
        elif kind == "extended":
            if fact.until is None or (extended and extended.until and fact.until <= extended.until):
                superseded[fact.id] = extended.id if extended else 0
            else:
                if extended:
                    superseded[extended.id] = fact.id
                extended = fact
        elif kind in DONE:
            superseded.update({other.id: fact.id for other in decisive if other.kind != "submitted"})
            decisive = [*reports, fact]
            days = [one.on for one in (*reports, fact) if one.on]
            stage, reported = kind, min(days, default=None) if kind == "completed" else None
        elif kind == "submitted" and stage in ("open", "returned", "submitted"):
            superseded.update({other.id: fact.id for other in decisive if other.kind == "returned"})
            reports.append(fact)
            decisive = list(reports)
            stage, reported = "submitted", reports[0].on
        elif kind == "accepted" and stage == "submitted":
            decisive = [*reports, fact]
            stage = "completed"
        elif kind == "returned" and stage in ("submitted", "completed"):
            superseded.update({other.id: fact.id for other in decisive})
            if acknowledged:  # a return is news, whatever was known before
                superseded[acknowledged.id] = fact.id
            acknowledged, known = None, None
            reports, decisive, reported = [], [fact], None
            stage = "returned"
        else:
            superseded[fact.id] = 0
    return Reading(stage, known, extended.until if extended else None, reported, superseded)


def standing(facts: Iterable[Said], today: date, history: bool = False) -> Standing:
    """Return how facts let an occurrence stand on a local day.

    ``history``: it was due before its document was adopted here. Then it is nobody's business
    until someone says something of it.
    """
    found = read(facts)
    extended = found.extended_to
    if found.stage in SETTLED:
        return Standing(found.stage, None, extended, found.reported_on)
    back = found.stage == "returned"
    if found.known_until is not None and found.known_until >= today:
        return Standing("acknowledged", found.known_until, extended, returned=back)
    if found.stage == "open" and history:
        return Standing("history", None, extended)
    return Standing(found.stage, None, extended, returned=back)
