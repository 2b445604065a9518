"""A due rule and a window of dates become periods: when each opens, when it is due, its label.

Pure arithmetic on dates; nothing here knows of institutions. House rulings: docs/readings.md.
"""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

from workflows.kinds import (
    DatedEntry,
    FuzzyRule,
    OnceRule,
    Part,
    QuotaRule,
    RecurringRule,
    RotationRule,
    TargetRule,
    WindowRule,
)  # fmt: skip
from workflows.workdays import Workdays

DAY = timedelta(days=1)


class Period(NamedTuple):
    """One period of a rule. ``label`` names it for good; ``opens`` is None where only the day
    counts; ``enforced`` is False for a first window cut short; ``reading`` says how a vague
    expression was read, in Chinese, or is None; ``note`` is said beside any reading."""

    label: str
    opens: date | None
    due: date
    enforced: bool = True
    reading: str | None = None
    note: str | None = None


def _last(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])


def span(part: Part, year: int, month: int | None) -> tuple[date | None, date]:
    """Return the first and the last day that a vague expression means (house ruling 2).

    The first is None for “…前”: such a duty has an end only.
    """
    if part == "year":
        return None, date(year, 12, 31)
    if part == "year-end":
        return date(year, 12, 1), date(year, 12, 31)
    if part == "by-year-end":
        return None, date(year, 12, 31)
    assert month is not None  # parse refuses a month's part without a month
    last = _last(year, month)
    if part == "month":
        return date(year, month, 1), last
    if part == "early":
        return date(year, month, 1), date(year, month, 10)
    if part == "middle":
        return date(year, month, 11), date(year, month, 20)
    if part == "by-month-end":
        return None, last
    return date(year, month, 21), last  # late, month-end


_READINGS: dict[Part, str] = {
    "month": "只写月份，按全月计，月末日为期限",
    "early": "初（上旬）按1日至10日计",
    "middle": "中旬按11日至20日计",
    "late": "下旬按21日至月末计",
    "month-end": "月底（月末）按21日至月末计，月末日为期限",
    "by-month-end": "月底前按不晚于该月最后一日计",
    "year-end": "年底（年终）按12月1日至31日计",
    "by-year-end": "年底前按不晚于12月31日计",
    "year": "只写年份，按不晚于该年12月31日计",
}


_PER_SHIFT = "按每批驻点期计；驻点期没有登记前，按年列出，不催"


def single(rule: Any) -> bool:
    """Return whether a rule names one time outright, so that it is no series."""
    return isinstance(rule, OnceRule | TargetRule | WindowRule) or (
        isinstance(rule, FuzzyRule) and not rule.every_year
    )


def periods(
    rule: Any, binds_from: date, ends: date | None, horizon: date, since: date | None = None
) -> Iterator[Period]:
    """Yield a rule's periods with their legal dates, in order, those begun by ``horizon``.

    ``binds_from`` and ``ends`` are the first and last day of the rule's validity (``ends`` None:
    no end); quota windows are clipped to them. Dates before ``binds_from`` are yielded too where
    the rule's own ``from`` reaches back: they are the document's pre-issue dates. ``since``: the
    day on which this wording took the place of a former one; nothing is yielded before it.
    """
    stop = min(ends, horizon) if ends else horizon
    first = max(since or date.min, getattr(rule, "from_", None) or binds_from)
    if isinstance(rule, OnceRule):
        found: Iterator[Period] = iter([Period("once", None, rule.on)])
    elif isinstance(rule, RecurringRule):
        found = _recurring(rule, first, stop)
    elif isinstance(rule, FuzzyRule):
        found = _fuzzy(rule, first, stop)
    elif isinstance(rule, TargetRule):
        found = _target(rule)
    elif isinstance(rule, WindowRule):
        found = iter([Period("once", rule.from_, rule.to)])
    elif isinstance(rule, QuotaRule):
        return _windows(rule, binds_from, ends, horizon, since)
    elif isinstance(rule, RotationRule):
        return _years(binds_from, ends, horizon, since)
    else:  # event and standing have no dates of their own
        return iter(())
    return (
        period
        for period in found
        if (period.opens or period.due) <= horizon
        and (ends is None or period.due <= ends)
        and (since is None or period.due >= since)
    )


def moved(period: Period, rule: Any, workdays: Workdays, *, strict: bool) -> Period:
    """Return a period with its due day as it must be kept.

    ``strict`` reads “X日前” as the day before X (house ruling 1); a rule's ``roll`` then moves the
    day off one that is not worked.
    """
    roll = getattr(rule, "roll", None)
    if roll is None and not strict:
        return period
    due = period.due
    exact = period.opens is None and period.reading is None
    if strict and exact and isinstance(rule, OnceRule | RecurringRule):
        due -= DAY
    kept = workdays.roll(due, roll)
    if kept == period.due:
        return period
    note = None
    if kept != due:
        note = f"原定{due.month}月{due.day}日，遇休息日{'提前' if roll == 'back' else '顺延'}"
    return period._replace(due=kept, opens=period.opens and min(period.opens, kept), note=note)


def _recurring(rule: RecurringRule, first: date, stop: date) -> Iterator[Period]:
    # Their order in a leap year is their order in every year.
    entries = sorted(rule.dates, key=lambda entry: _entry(entry, 2020).due)
    for year in range(first.year, stop.year + 1):
        for entry in entries:
            period = _entry(entry, year)
            if first <= period.due and (rule.until is None or period.due <= rule.until):
                yield period


def _entry(entry: DatedEntry, year: int) -> Period:
    label = f"{year}-{entry.id}"
    if entry.on is None:
        assert entry.part is not None
        opens, due = span(entry.part, year, entry.month)
        return Period(label, opens, due, True, _READINGS[entry.part])
    month, day = int(entry.on[:2]), int(entry.on[3:])
    if (month, day) == (2, 29) and not isleap(year):
        day = 28
    return Period(label, None, date(year, month, day))


def _fuzzy(rule: FuzzyRule, first: date, stop: date) -> Iterator[Period]:
    if rule.year is not None:
        opens, due = span(rule.part, rule.year, rule.month)
        yield Period("once", opens, due, True, _READINGS[rule.part])
        return
    for year in range(first.year, stop.year + 1):
        opens, due = span(rule.part, year, rule.month)
        if due >= first and (rule.until is None or due <= rule.until):
            yield Period(str(year), opens, due, True, _READINGS[rule.part])


def _target(rule: TargetRule) -> Iterator[Period]:
    if rule.on is not None:
        yield Period("once", None, rule.on)
        return
    assert rule.part is not None
    assert rule.year is not None
    opens, due = span(rule.part, rule.year, rule.month)
    yield Period("once", opens, due, True, _READINGS[rule.part])


def _calendar(per: str, day: date, first_monday: date) -> tuple[str, date, date]:
    """Return label, first and last day of the calendar window that holds a day."""
    year, month = day.year, day.month
    if per == "week":
        monday = day - timedelta(days=day.weekday())
        iso = monday.isocalendar()
        return f"{iso.year}-W{iso.week:02}", monday, monday + 6 * DAY
    if per == "fortnight":
        start = first_monday + timedelta(days=(day - first_monday).days // 14 * 14)
        one, two = start.isocalendar(), (start + 7 * DAY).isocalendar()
        return f"{one.year}-W{one.week:02}-W{two.week:02}", start, start + 13 * DAY
    if per == "month":
        return f"{year}-M{month:02}", date(year, month, 1), _last(year, month)
    if per == "two-months":
        one_month = month - (month - 1) % 2
        label = f"{year}-M{one_month:02}-M{one_month + 1:02}"
        return label, date(year, one_month, 1), _last(year, one_month + 1)
    if per == "quarter":
        quarter = (month - 1) // 3
        return (
            f"{year}-Q{quarter + 1}",
            date(year, quarter * 3 + 1, 1),
            _last(year, quarter * 3 + 3),
        )
    if per == "half-year":
        half = (month - 1) // 6
        return f"{year}-H{half + 1}", date(year, half * 6 + 1, 1), _last(year, half * 6 + 6)
    return str(year), date(year, 1, 1), date(year, 12, 31)


def _windows(
    rule: QuotaRule, binds_from: date, ends: date | None, horizon: date, since: date | None
) -> Iterator[Period]:
    """Yield quota windows with their true first and last day (house ruling 8).

    Fortnights count from the first Monday after the document binds. What is owed per stationing
    term (``shift``) stands once a year, not enforced, until terms are recorded.
    """
    start = max(day for day in (rule.from_, since, binds_from) if day)
    stop = min((day for day in (rule.until, ends) if day), default=None)
    if rule.per == "whole":
        if stop is not None and start <= min(stop, horizon):
            yield Period("whole", start, stop)
        return
    first_monday = binds_from + timedelta(days=7 - binds_from.weekday())
    day = max(start, first_monday) if rule.per == "fortnight" else start
    while day <= (min(stop, horizon) if stop else horizon):
        label, first, last = _calendar(rule.per, day, first_monday)
        opens, due = max(first, start), min(last, stop) if stop else last
        if rule.per == "shift":
            yield Period(label, opens, due, False, None, _PER_SHIFT)
        else:
            yield Period(label, opens, due, rule.per == "year" or opens == first)
        day = last + DAY


def _years(
    binds_from: date, ends: date | None, horizon: date, since: date | None
) -> Iterator[Period]:
    """Yield one period a year: a rotation's coverage, told at the year's end."""
    yield from _windows(QuotaRule(per="year", unit="年"), binds_from, ends, horizon, since)
