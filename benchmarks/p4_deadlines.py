"""P4: the deadlines of one obligation with their last working days.

Counted: from a rule to (label, due date, last working day) for the ten years of known notices, as
``scheduler.occurrences`` does it once per rule. Plain arithmetic makes the same list by hand with
a set of days off; rrule makes the dates with dateutil and asks chinesecalendar day by day. All
three lists are compared before anything is timed. Tables of working days are built beforehand.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial

import chinese_calendar  # type: ignore[import-untyped]
from dateutil.rrule import YEARLY, rrule

from benchmarks.rounds import compare, growth, record, seconds
from config.roster import Institution, Pairing, Roster
from scheduler.occurrences import occurrences
from workflows.kinds import DatedEntry, RecurringRule
from workflows.library import DOCUMENTS, bundled_workdays, read_documents
from workflows.rules import moved, periods

FIRST, LAST = date(2017, 1, 1), date(2026, 12, 31)
DAY = timedelta(days=1)
LISTED = (("mar", 3, 20), ("jun", 6, 20), ("sep", 9, 20), ("nov", 11, 10))
RULE = RecurringRule(
    dates=tuple(DatedEntry(id=name, on=f"{month:02}-{day:02}") for name, month, day in LISTED)
)
WORKDAYS = bundled_workdays()
OFF = frozenset(
    day
    for day in (FIRST + step * DAY for step in range((LAST - FIRST).days + 1))
    if not WORKDAYS.is_workday(day)
)
TIMES = 100  # so many obligations a round, or a round is too short to time
Found = list[tuple[str, date, date]]


def ours() -> Found:
    found = []
    for period in periods(RULE, FIRST, LAST, LAST):
        kept = moved(period, RULE, WORKDAYS, strict=False)
        found.append((kept.label, kept.due, WORKDAYS.on_or_before(kept.due)))
    return found


def plain() -> Found:
    found = []
    for year in range(FIRST.year, LAST.year + 1):
        for name, month, day in LISTED:
            due = last = date(year, month, day)
            while last in OFF:
                last -= DAY
            found.append((f"{year}-{name}", due, last))
    return found


def by_rrule() -> Found:
    found = []
    for name, month, day in LISTED:
        start = datetime(FIRST.year, 1, 1)
        for moment in rrule(YEARLY, dtstart=start, until=LAST, bymonth=month, bymonthday=day):
            due = last = moment.date()
            while not chinese_calendar.is_workday(last):
                last -= DAY
            found.append((f"{due.year}-{name}", due, last))
    return sorted(found, key=lambda one: one[1])


def repeated(work: Callable[[], object], times: int = TIMES) -> None:
    for _ in range(times):
        work()


def roster(count: int) -> Roster:
    """Return a roster of so many pairings."""
    sides = [
        Institution(f"{side}{n}", f"{side}{n}", "hospital") for side in "ab" for n in range(count)
    ]
    pairings = tuple(Pairing(f"a{n}.b{n}", f"a{n}", f"b{n}") for n in range(count))
    return Roster("guangxi-2019", {one.id: one for one in sides}, pairings)


def lookups() -> None:
    dice = random.Random(2026)
    asked = [FIRST + DAY * dice.randrange((LAST - FIRST).days + 1) for _ in range(100_000)]
    worked = frozenset(day for day in asked if WORKDAYS.is_workday(day))

    def by(answer: Callable[[date], object]) -> float:
        def run() -> None:
            for day in asked:
                answer(day)

        return seconds(run)

    def in_set() -> float:
        def run() -> None:
            for day in asked:
                day in worked  # noqa: B015

        return seconds(run)

    sides = {
        "P4 is_workday / frozenset look-up": partial(by, WORKDAYS.is_workday),
        "P4 on_or_before / frozenset look-up": partial(by, WORKDAYS.on_or_before),
    }
    for goal, ratio in compare(in_set, sides, 15).items():
        record(goal, ratio)


def main() -> None:
    assert ours() == plain() == by_rrule()
    sides = {"ours": partial(seconds, partial(repeated, ours))}
    ratio = compare(partial(seconds, partial(repeated, plain)), sides)["ours"]
    record("P4 deadlines of one obligation / plain arithmetic", ratio)
    sides = {"rrule": partial(seconds, partial(repeated, by_rrule, 2))}
    ratio = compare(partial(seconds, partial(repeated, ours, 2)), sides)["rrule"]
    record(
        "P4 rrule and chinesecalendar / deadlines of one obligation", ratio,
        "python-dateutil", "chinesecalendar",
    )  # fmt: skip
    lookups()
    growth("P4 obligations, a rule each:", lambda times: partial(repeated, ours, 10 * times))
    document = read_documents([DOCUMENTS], "guangxi-2019").documents["guangxi-2019"]
    visits = next(
        one for one in document.obligations if one.kind == "quota" and one.per == "pairing"
    )
    single = document.model_copy(update={"obligations": (visits,)})

    def pairings(times: int) -> Callable[[], object]:
        return partial(occurrences, single, roster(10 * times), WORKDAYS, FIRST, LAST)

    growth("P4 occurrences of one obligation, ten pairings:", pairings)


if __name__ == "__main__":
    main()
