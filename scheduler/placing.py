"""Where an occurrence stands now: its status, and when its ladder is to be looked at. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from scheduler.facts import Said, standing
from scheduler.ladder import next_notice, steps
from scheduler.occurrences import Occurrence
from scheduler.world import World

RESTING = ("completed", "waived", "history", "cancelled")


class Place(NamedTuple):
    """Status and next instant (aware, in the sending hours; None: nothing more to say)."""

    status: str
    next_notice_at: datetime | None


def place(
    one: Occurrence,
    facts: Iterable[Said],
    planned: Mapping[str, datetime],
    now: datetime,
    world: World,
    history: bool = False,
) -> Place:
    """Return where an occurrence stands at ``now``, given its facts and its planned notices.

    ``planned`` has the rungs planned for the present due date. ``history``: nobody is reminded.
    """
    zone = world.timezone
    status, quiet_until = standing(facts, now.astimezone(zone).date(), history)
    if status in RESTING:
        return Place(status, None)
    ladder = steps(one, world.workdays, zone)
    return Place(
        status, next_notice(ladder, planned, now, zone, world.workdays, quiet_until)
    )
