"""The event duties that an edit would start by itself, before it does: for ``duban plan``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from sqlmodel import Session

from scheduler import happenings, queries, watching
from scheduler.parties import subjects
from scheduler.proposing import Proposal, former_rosters
from workflows.document import Duty
from workflows.kinds import EventRule


class Foreseen(NamedTuple):
    """One event duty to come: who would owe it, by when, and because of what.

    ``on`` is the local day of the event, ``due`` the last day (included).
    """

    document: str
    obligation: str
    title: str
    responsible: str
    on: date
    due: date
    cause: str


def foreseen(session: Session, proposal: Proposal, now: datetime) -> list[Foreseen]:
    """Return what carrying out a proposal at ``now`` (aware) would start, by date, document, duty.

    As ``applying.carry_out`` does it: only a changed roster of a document in force starts anything.
    """
    today = now.astimezone(proposal.world.timezone).date()
    world = proposal.world
    found: list[Foreseen] = []
    for name, former in former_rosters(proposal, queries.versions(session)):
        changed, cause = watching.changed_pairings(former, world.rosters[name])
        if not changed:
            continue
        starting = happenings.starting(world, name, "pairing", changed, former)
        for duty, about in starting:
            found += _owed(proposal, name, duty, about, today, cause)
    return sorted(found)


def _owed(
    proposal: Proposal, name: str, duty: Duty, about: set[str], today: date, cause: str
) -> Iterator[Foreseen]:
    rule = getattr(duty, "rule", None)
    assert isinstance(rule, EventRule)
    world = proposal.world
    due = world.workdays.forward(today, rule.respond_within)
    view = world.rosters[name].within(today, today)
    for subject in subjects(world.documents[name], view, duty):
        if subject.id in about:
            who = subject.responsible.name
            yield Foreseen(name, duty.id, duty.title, who, today, due, cause)
