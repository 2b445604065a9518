"""The event duties that an edit would start by itself, before it does: for ``duban plan``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from sqlmodel import Session

from scheduler import happenings, queries, watching
from scheduler.loading import from_texts
from scheduler.parties import subjects
from scheduler.proposing import Proposal
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
    before = queries.versions(session)
    found: list[Foreseen] = []
    for name in proposal.edited:
        old = before.get(name)
        if old is None or old.withdrawn:
            continue
        try:
            _, former = from_texts(old.workflow, json.loads(old.roster))
        except ValueError:  # written for an earlier form of the language, as in carry_out
            continue
        world = proposal.world
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
