"""Where an occurrence stands now: its status, and when its ladder is to be looked at. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from scheduler.facts import SETTLED, Said, standing
from scheduler.ladder import next_notice
from scheduler.occurrences import Occurrence
from scheduler.pacing import Kept, steps
from scheduler.world import World

RESTING = (*SETTLED, "history", "cancelled")


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
    kept: Kept | None = None,
) -> Place:
    """Return where an occurrence stands at ``now``, given its facts and its planned notices.

    ``one`` with the date that holds now; ``planned`` has the rungs planned for that date.
    ``history``: nobody is reminded.
    ``kept``: what is counted for a quota whose subject keeps records.
    """
    zone = world.timezone
    said = standing(facts, now.astimezone(zone).date(), history)
    status, quiet_until = said.status, said.quiet_until
    if history or status in RESTING:
        return Place(status, None)
    ladder = steps(one, kept, world.workdays, zone)
    return Place(
        status, next_notice(ladder, planned, now, zone, world.workdays, quiet_until)
    )
