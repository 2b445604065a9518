"""The ladder of an occurrence: which reminder is due, and when the next one will be. Pure.

A ladder is level-triggered: given what was already planned and the present instant, it says what
is due now. After a pause the missed rungs collapse into the highest one that is due.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from scheduler.hours import opening, sending
from scheduler.occurrences import Occurrence
from scheduler.rotating import REMINDED
from workflows.kinds import LADDER_KINDS
from workflows.workdays import Workdays

CHANGED = "changed"
REMIND = "remind"  # somebody asked for it at once, whatever the ladder says
SUBMITTED, ASKED = "submitted", "asked"  # a report, a wish for more time: its receiver is told
REVIEWS = (SUBMITTED, ASKED)
ASIDE = (CHANGED, REMIND, *REVIEWS)  # no rungs: the ladder goes on as if they were not
_NAME = re.compile(r"(before|after)-(\d+)(d|wd)")


@dataclass(frozen=True, slots=True)
class Step:
    """One rung on its day: to whom, from which instant on (local, in the sending hours).

    ``last_day`` is the last local day on which it still makes sense: the due date for a rung
    before it, None for one after. ``nominal`` is the day before it was moved off a day not worked.
    """

    rung: str
    to: str
    at: datetime
    nominal: date
    last_day: date | None
    statutory: bool


class Decision(NamedTuple):
    """What is due now (or None), what it stands for besides, and when to look again (or None)."""

    step: Step | None
    skipped: tuple[Step, ...]
    next_at: datetime | None


def climbs(one: Occurrence) -> bool:
    """Return whether an occurrence has a ladder at all."""
    return (
        one.due is not None
        and (one.kind in LADDER_KINDS or reminded_by_terms(one))
        and one.phase != "pre-issue"
        and one.responsible.id is not None
    )


def reminded_by_terms(one: Occurrence) -> bool:
    """Return whether an occurrence is a handover or a gap, which recorded terms brought about."""
    return one.kind == "rotation" and one.period.startswith(REMINDED)


def _parts(rung: str) -> tuple[str, int, str]:
    match = _NAME.fullmatch(rung)
    if match is None:
        raise ValueError(f"not a rung: {rung}")
    return match[1], int(match[2]), match[3]


def higher(rung: str, other: str) -> bool:
    """Return whether a rung stands above another one of the same ladder; what is no rung does not.

    Days of both sorts are compared as five working days in seven; of two that come out alike
    neither is higher.
    """
    if not (_NAME.fullmatch(rung) and _NAME.fullmatch(other)):
        return False
    return _height(rung) > _height(other)


def _height(rung: str) -> float:
    side, count, unit = _parts(rung)
    days = count if unit == "d" else count * 7 / 5
    return days if side == "after" else -days


def day_of(rung: str, binds: date, due: date, workdays: Workdays) -> tuple[date, date]:
    """Return the day of a rung as counted, and the working day on which it is sent."""
    side, count, unit = _parts(rung)
    if side == "before":
        if unit == "wd":
            day = workdays.back(binds, count)
            return day, day
        day = binds - timedelta(days=count)
        return day, workdays.on_or_before(day)
    if unit == "wd":
        day = workdays.forward(due, count)
        return day, day
    day = due + timedelta(days=count)
    moved = workdays.on_or_before(day)
    # Back over a weekend it could land on the due date, which is not after it.
    return day, moved if moved > due else workdays.on_or_after(day)


def steps(one: Occurrence, workdays: Workdays, zone: ZoneInfo) -> tuple[Step, ...]:
    """Return the rungs of an occurrence in the order in which they are climbed.

    Rungs before count from the last working day on or before the day that binds; rungs after
    count from the due date. The last rung before the due date and all after it are statutory.
    """
    if not climbs(one):
        return ()
    assert one.due is not None
    binds = workdays.on_or_before(min(one.binds_by or one.due, one.due))
    return _climbed(one.rungs, one.due, binds, workdays, zone)


@lru_cache(maxsize=4096)  # institutions with the same duty share their dates
def _climbed(
    rungs: tuple[tuple[str, str], ...], due: date, binds: date, workdays: Workdays, zone: ZoneInfo
) -> tuple[Step, ...]:
    found: list[Step] = []
    for rung, to in rungs:
        nominal, day = day_of(rung, binds, due, workdays)
        after = rung.startswith("after")
        last_day = None if after else due
        found.append(Step(rung, to, opening(day, zone), nominal, last_day, after))
    found.sort(key=lambda step: (step.last_day is None, step.at, step.nominal))
    before = [index for index, step in enumerate(found) if step.last_day is not None]
    if before:
        found[before[-1]] = replace(found[before[-1]], statutory=True)
    return tuple(found)


def decide(
    ladder: tuple[Step, ...], planned: Mapping[str, datetime], now: datetime, zone: ZoneInfo
) -> Decision:
    """Return what is due at ``now`` (aware).

    ``planned`` has the rungs for which a notice of this due date exists already, and since when.
    Every rung below one of them is over. So is every rung whose time had come when one was
    planned: it collapsed into that one, or was that one under a name that an edit changed.
    """
    instants = [at for rung, at in planned.items() if rung not in ASIDE]
    latest = max(instants, default=None)
    passed = max(
        (
            index
            for index, step in enumerate(ladder)
            if step.rung in planned or (latest is not None and step.at <= latest)
        ),
        default=-1,
    )
    open_ = ladder[passed + 1 :]
    today = now.astimezone(zone).date()
    ripe = [step for step in open_ if step.at <= now]
    useful = [step for step in ripe if step.last_day is None or today <= step.last_day]
    step = useful[-1] if useful else None
    skipped = tuple(other for other in ripe if other is not step)
    next_at = min((step.at for step in open_ if step.at > now), default=None)
    return Decision(step, skipped, next_at)


def next_notice(
    ladder: tuple[Step, ...],
    planned: Mapping[str, datetime],
    now: datetime,
    zone: ZoneInfo,
    workdays: Workdays,
    quiet_until: date | None = None,
) -> datetime | None:
    """Return the first instant from ``now`` on at which something is due, None if nothing is.

    It lies in the sending hours. ``quiet_until`` (included): nothing before the day after it;
    then there is always a look, for the acknowledgement ends there.
    """
    if quiet_until is not None:
        return sending(opening(quiet_until + timedelta(days=1), zone), zone, workdays)
    start = sending(now, zone, workdays)
    decision = decide(ladder, planned, start, zone)
    return start if decision.step else decision.next_at


def reached(
    one: Occurrence, planned: Collection[str], workdays: Workdays, zone: ZoneInfo, today: date
) -> tuple[Step, ...]:
    """Return the highest rung planned for each target, as far as it makes sense on a local day.

    These are what somebody who comes in late is to be told.
    """
    highest = {
        step.to: step for step in steps(one, workdays, zone) if step.rung in planned
    }
    return tuple(s for s in highest.values() if s.last_day is None or s.last_day >= today)


def fitted(found: Iterable[Occurrence]) -> list[Occurrence]:
    """Return the occurrences without the rungs that are longer than the time since the last one.

    The last one is the previous occurrence of the same obligation and subject among them; an
    event's response counts from its own day. The order is kept.
    """
    listed = list(found)
    intervals: dict[str, int] = {}
    previous: dict[str, date] = {}
    for one in sorted(listed, key=lambda one: (one.due or date.min, one.key)):
        if one.due is None or one.kind == "rotation":
            continue  # the ladder of a handover or a gap is that of its term
        if one.kind == "event" and one.opens:
            intervals[one.key] = (one.due - one.opens).days
            continue
        series = one.key.rpartition("/")[0]
        if series in previous:
            intervals[one.key] = (one.due - previous[series]).days
        previous[series] = one.due
    return [
        _without_long_rungs(one, intervals[one.key]) if one.key in intervals else one
        for one in listed
    ]


def _without_long_rungs(one: Occurrence, days: int) -> Occurrence:
    kept = tuple((rung, to) for rung, to in one.rungs if not _longer(rung, days))
    return one if kept == one.rungs else replace(one, rungs=kept)


def _longer(rung: str, days: int) -> bool:
    """Return whether a rung before reaches further back than so many days (5 working days: 7)."""
    side, count, unit = _parts(rung)
    return side == "before" and (count if unit == "d" else count * 7 / 5) > days
