"""The State Council's working days: weekends, holidays, and the weekends worked in exchange (调休).

Each year's arrangement is a notice of the State Council's General Office, usually issued in
November of the year before. A year without a notice is provisional: its weekends and the days
that the regulation itself fixes are off, everything else is assumed worked, and a later notice
may change any of it. All dates are calendar days in China.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal, TypeVar

T = TypeVar("T")

DAY = timedelta(days=1)
SATURDAY = 5
LONGEST = 15  # days; the longest holiday so far, 春节 2020, had ten
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Holiday:
    """Days off under one name, from `first` to `last`, both included, weekends among them."""

    name: str
    first: date
    last: date

    def days(self) -> Iterator[date]:
        """Every day off, in order."""
        for offset in range((self.last - self.first).days + 1):
            yield self.first + offset * DAY


@dataclass(frozen=True, slots=True)
class Amendment:
    """A later notice that changed the year's arrangement, and what it changed."""

    number: str
    issued: date
    effect: str


@dataclass(frozen=True, slots=True)
class Notice:
    """The arrangement of one year, with its amendments applied.

    Its dates may lie in December of the year before or January of the year after.
    """

    year: int
    number: str | None
    issued: date | None
    holidays: tuple[Holiday, ...]
    workdays: tuple[date, ...]
    amended_by: tuple[Amendment, ...] = ()


@dataclass(frozen=True, slots=True)
class StatutoryDay:
    """A day of the solar calendar that the regulation makes a holiday from the year `since` on."""

    month: int
    day: int
    name: str
    since: int | None = None


@dataclass(frozen=True)
class Workdays:
    """Answers for any date from the notices known, and provisionally where none is.

    Build with `Workdays.of`, once: the answers of a year are computed when the year is first
    asked for and looked up from then on. Every question wants a plain `date`; a `datetime` is a
    TypeError, for which day it is depends on a zone that this module does not know.
    """

    notices: tuple[Notice, ...]
    statutory: tuple[StatutoryDay, ...]
    # A table's own look-up instead of a method around it: the call alone would cost as much as
    # the answer, and these are asked for every date of every obligation.
    is_workday: Callable[[date], bool] = field(init=False, repr=False, compare=False)
    """Whether the day is worked."""
    on_or_before: Callable[[date], date] = field(init=False, repr=False, compare=False)
    """The last working day on or before the day."""
    on_or_after: Callable[[date], date] = field(init=False, repr=False, compare=False)
    """The first working day on or after the day."""
    _years: frozenset[int] = field(init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        # Asked for with every ladder that is looked up; all days of all notices would take long.
        return hash(tuple(notice.number for notice in self.notices))

    @classmethod
    def of(cls, notices: Iterable[Notice], statutory: Iterable[StatutoryDay] = ()) -> Workdays:
        """The working days under these notices; ValueError when two are of the same year.

        Where notices of two years speak of the same day, the later year's holds.
        """
        ordered = tuple(sorted(notices, key=lambda notice: notice.year))
        for earlier, later in pairwise(ordered):
            if earlier.year == later.year:
                raise ValueError(f"{later.year}年的放假通知有两份")
        return cls(ordered, tuple(statutory))

    def __post_init__(self) -> None:
        named: dict[date, bool] = {}
        for notice in self.notices:
            for holiday in notice.holidays:
                named.update(dict.fromkeys(holiday.days(), False))
            named.update(dict.fromkeys(notice.workdays, True))
        years = frozenset(notice.year for notice in self.notices)

        def worked(day: date) -> bool:
            known = named.get(day)
            if known is not None:
                return known
            if day.weekday() >= SATURDAY:
                return False
            return day.year in years or not any(
                (day.month, day.day) == (fixed.month, fixed.day)
                and (fixed.since is None or day.year >= fixed.since)
                for fixed in self.statutory
            )

        def nearest(days: Iterable[date], step: timedelta) -> Iterator[tuple[date, date]]:
            found: date | None = None
            for day in days:
                if worked(day):
                    found = day
                elif found is None:  # the year opens with days off: look beyond it
                    found = day + step
                    while not worked(found):
                        found += step
                yield day, found

        by_day = _ByDay(lambda days: ((day, worked(day)) for day in days))
        before = _ByDay(lambda days: nearest(days, -DAY))
        after = _ByDay(lambda days: nearest(reversed(days), DAY))
        object.__setattr__(self, "_years", years)
        object.__setattr__(self, "is_workday", by_day.__getitem__)
        object.__setattr__(self, "on_or_before", before.__getitem__)
        object.__setattr__(self, "on_or_after", after.__getitem__)

    def back(self, day: date, count: int) -> date:
        """The `count`-th working day before the day; for 0, the last one on or before it."""
        return _steps(self.on_or_before, day, count, -DAY)

    def forward(self, day: date, count: int) -> date:
        """The `count`-th working day after the day; for 0, the first one on or after it."""
        return _steps(self.on_or_after, day, count, DAY)

    def roll(self, day: date, direction: Literal["back", "forward"] | None) -> date:
        """The day as a rule's `roll` moves it off a day that is not worked; None leaves it."""
        if direction is None:
            return day
        return self.on_or_before(day) if direction == "back" else self.on_or_after(day)

    def provisional(self, day: date) -> bool:
        """Whether no notice of the day's own year is known, so that its answer may change."""
        return day.year not in self._years


class _ByDay(dict[date, T]):
    """Answers by day, filled a year at a time when a day of that year is first asked for.

    Filling twice writes the same values, so threads need no lock.
    """

    def __init__(self, answers: Callable[[list[date]], Iterable[tuple[date, T]]]) -> None:
        super().__init__()
        self._answers = answers

    def __missing__(self, day: date) -> T:
        if isinstance(day, datetime) or not isinstance(day, date):
            raise TypeError(f"a date is wanted, not {day!r}")
        first = date(day.year, 1, 1)
        length = (date(day.year, 12, 31) - first).days + 1
        self.update(self._answers([first + offset * DAY for offset in range(length)]))
        return self[day]


def _steps(nearest: Callable[[date], date], day: date, count: int, step: timedelta) -> date:
    if count < 0:
        raise ValueError(f"工作日数不能为负：{count}")
    if count == 0:
        return nearest(day)
    for _ in range(count):
        day = nearest(day + step)
    return day


def parse_notice(data: Mapping[str, Any]) -> Notice:
    """The notice that a file `workdays/<year>.yaml` holds; dates as YYYY-MM-DD or as dates.

    ValueError, in Chinese and naming the place, for what is missing, unknown, of the wrong type,
    too far from the year, worked though it is no weekend, or said twice.
    """
    _check_keys(data, "", {"year", "holidays", "workdays"}, {"notice", "issued", "amended_by"})
    year = _year(data["year"], "year")
    holidays: list[Holiday] = []
    workdays: list[date] = []
    seen: set[date] = set()

    def once(day: date, place: str) -> None:
        if not date(year - 1, 12, 1) <= day <= date(year + 1, 1, 31):
            raise ValueError(f"{place}：{day} 离{year}年太远")
        if day in seen:
            raise ValueError(f"{place}：{day} 出现了两次")
        seen.add(day)

    for place, entry in _each(data["holidays"], "holidays"):
        _check_keys(entry, place, {"name", "from", "to"})
        name = _text(entry["name"], f"{place}.name")
        first, last = (_date(entry[key], f"{place}.{key}") for key in ("from", "to"))
        holiday = Holiday(name, first, last)
        if not 0 <= (holiday.last - holiday.first).days < LONGEST:
            raise ValueError(f"{place}：{holiday.first} 至 {holiday.last} 不像一个假期")
        for day in holiday.days():
            once(day, place)
        holidays.append(holiday)
    for place, value in _each(data["workdays"], "workdays"):
        day = _date(value, place)
        if day.weekday() < SATURDAY:
            raise ValueError(f"{place}：{day} 不是周六或周日，不能列为调休上班日")
        once(day, place)
        workdays.append(day)
    amendments: list[Amendment] = []
    for place, entry in _each(data.get("amended_by", []), "amended_by"):
        _check_keys(entry, place, {"notice", "issued", "effect"})
        number, effect = (_text(entry[key], f"{place}.{key}") for key in ("notice", "effect"))
        amendments.append(Amendment(number, _date(entry["issued"], f"{place}.issued"), effect))
    return Notice(
        year=year,
        number=_text(data["notice"], "notice") if "notice" in data else None,
        issued=_date(data["issued"], "issued") if "issued" in data else None,
        holidays=tuple(holidays),
        workdays=tuple(workdays),
        amended_by=tuple(amendments),
    )


def parse_statutory(data: Mapping[str, Any]) -> tuple[StatutoryDay, ...]:
    """The fixed holidays that `workdays/statutory.yaml` holds; ValueError as in parse_notice."""
    _check_keys(data, "", {"law", "days"})
    days: list[StatutoryDay] = []
    for place, entry in _each(data["days"], "days"):
        _check_keys(entry, place, {"day", "name"}, {"since"})
        # Read in a leap year, in which every day of any year exists.
        day = _date(f"2000-{entry['day']}", f"{place}.day")
        since = _year(entry["since"], f"{place}.since") if "since" in entry else None
        name = _text(entry["name"], f"{place}.name")
        days.append(StatutoryDay(day.month, day.day, name, since))
    return tuple(days)


def _check_keys(
    entry: object, place: str, required: set[str], optional: Set[str] = frozenset()
) -> None:
    where = f"{place}：" if place else ""
    if not isinstance(entry, Mapping):
        raise ValueError(f"{where}应为键值对")
    if missing := sorted(required - entry.keys()):
        raise ValueError(f"{where}缺少 {'、'.join(missing)}")
    if unknown := sorted(map(str, entry.keys() - required - optional)):
        raise ValueError(f"{where}不认识的键 {'、'.join(unknown)}")


def _each(value: object, place: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{place}：应为列表")
    return ((f"{place}[{index}]", entry) for index, entry in enumerate(value))


def _text(value: object, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{place}：应为文字")
    return value


def _year(value: object, place: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1949 <= value < 3000:
        raise ValueError(f"{place}：应为四位数的年份")
    return value


def _date(value: object, place: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and ISO_DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError(f"{place}：应为存在的日期 YYYY-MM-DD，而不是 {value}")
