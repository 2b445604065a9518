"""When a quota that falls behind is spoken of: while there is time, and once it has ended. Pure.

A window speaks only where too little is recorded for it, so its steps follow from the count: an
early warning stands on the first working day, from its rung on, on which that is too little.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from scheduler import ladder
from scheduler.counting import Tally, Window, behind_from
from scheduler.hours import opening
from scheduler.ladder import Step
from scheduler.occurrences import Occurrence
from workflows.workdays import Workdays

GRACE = 5  # working days after the first record, in which what was done before can be recorded
SHORT = ("week", "fortnight")  # of these, one warning and one closing note a month are enough
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a subject that keeps records has of a window; ``since`` is the day it began to."""

    tally: Tally
    since: date


def window_of(one: Occurrence) -> Window | None:
    """Return the window of a quota's occurrence; None where it is no quota."""
    if one.kind != "quota" or one.quota is None or one.opens is None or one.due is None:
        return None
    return Window(one.opens, one.due, one.quota)


def steps(
    one: Occurrence, kept: Kept | None, workdays: Workdays, zone: ZoneInfo
) -> tuple[Step, ...]:
    """Return the rungs of an occurrence as they stand with what is recorded for it.

    ``kept`` is None for a quota whose subject keeps no records: it has none. What is no quota has
    its ladder, whatever ``kept`` is.
    """
    if one.kind != "quota":
        return ladder.steps(one, workdays, zone)
    window = window_of(one)
    if kept is None or window is None or not one.rungs or one.responsible.id is None:
        return ()
    short_from = behind_from(window, kept.tally.counted)
    if short_from is None or kept.since > window.due:
        return ()
    soonest = max(short_from, workdays.forward(kept.since, GRACE))
    last = workdays.on_or_before(window.due)
    found: list[Step] = []
    for rung, to in one.rungs:
        nominal, day = ladder.day_of(rung, last, window.due, workdays)
        after = rung.startswith("after")
        day = max(day, workdays.on_or_after(soonest))
        if after or day < last:  # on the last working day it is too late for a warning
            last_day = None if after else last - DAY
            found.append(Step(rung, to, opening(day, zone), nominal, last_day, False))
    found.sort(key=lambda step: (step.last_day is None, step.at, step.nominal))
    return tuple(
        step
        for step, later in zip(found, [*found[1:], None], strict=True)
        if later is None or later.last_day is None or step.at < later.at
    )


def muted(one: Occurrence, rung: str, spoken: Mapping[tuple[str, str], date]) -> bool:
    """Return whether a short window keeps silent because another one spoke this month.

    ``spoken``: series and side of what was said this month; see ``side``.
    """
    return is_short(one) and side(one, rung) in spoken


def is_short(one: Occurrence) -> bool:
    """Return whether a quota's windows follow so fast that not each may be spoken of."""
    return one.kind == "quota" and one.quota is not None and one.quota.per in SHORT


def side(one: Occurrence, rung: str) -> tuple[str, str]:
    """Return the series of a window, and whether the rung warns or closes."""
    return one.key.rpartition("/")[0], rung.partition("-")[0]
