"""What recorded events ask for: one duty each, due so many working days after its day. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from scheduler.records import Happening
from workflows.rules import Period
from workflows.workdays import Workdays


class Answer(NamedTuple):
    """The period that an event opens, and why."""

    period: Period
    cause: str


def house_rule(within: int) -> str:
    """Return the sentence that says whose response time it is."""
    return f"原文没有写时限，本系统约定遇事后{within}个工作日内办理"


def answers(
    happenings: Iterable[Happening], within: int, workdays: Workdays
) -> Iterator[Answer]:
    """Yield what the events of one subject ask for, in their order; ``within`` working days.

    Several of one day are told apart by a number.
    """
    for one in happenings:
        day = one.on.isoformat()
        label = day if one.number == 1 else f"{day}-{one.number}"
        due = workdays.forward(one.on, within)
        yield Answer(Period(label, one.on, due, note=house_rule(within)), one.cause)
