"""What one criterion of a scoring sheet comes to, by its rule and the records. Pure.

Points are given where the rule and the records decide; where only a person can say there are none,
and ``least`` and ``most`` bound them. House readings: ``workflows/sheets``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from scheduler.records import Term
from scheduler.stationing import Finding
from workflows.sheet import (
    AfterEvent,
    ByHand,
    Criterion,
    EachDone,
    EachMissing,
    PerTerm,
    Whole,
)  # fmt: skip

ZERO = Decimal(0)
_SETTLED = {"completed": "已登记办结", "waived": "已登记免报"}


class Portion(NamedTuple):
    """One window of a quota, as far as the year goes; both days included.

    ``settled``: somebody recorded that it is completed or waived, whatever is counted.
    """

    label: str
    opens: date
    due: date
    counted: int
    owed: int
    settled: str | None = None

    @property
    def lacking(self) -> int:
        """Return how many acts are missing."""
        return 0 if self.settled else max(self.owed - self.counted, 0)


class Started(NamedTuple):
    """An event of the year, and whether what it demands was done."""

    on: date
    done: bool


@dataclass(frozen=True)
class Known:
    """What is recorded of one pairing and one year, up to ``today`` (local).

    ``first`` to ``last`` (included) is the part of the year in which it holds. ``windows`` are the
    quotas' by obligation, ``titles`` and ``units`` how people call them; ``terms`` touch the year.
    """

    first: date
    last: date
    today: date
    windows: Mapping[str, tuple[Portion, ...]] = field(default_factory=dict)
    events: Mapping[str, tuple[Started, ...]] = field(default_factory=dict)
    terms: tuple[Term, ...] = ()
    findings: tuple[Finding, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Return whether the year can bring nothing more."""
        return self.today > self.last


class Result(NamedTuple):
    """What is known of a criterion, what is missing, and what the rule makes of that."""

    figure: str
    missing: tuple[str, ...]
    points: Decimal | None
    least: Decimal
    most: Decimal
    basis: str


def result(criterion: Criterion, known: Known) -> Result:
    """Return what a criterion comes to."""
    rule, possible = criterion.rule, criterion.points
    if isinstance(rule, Whole):
        return _whole(rule, possible, known)
    if isinstance(rule, EachMissing):
        return _each_missing(rule, possible, known)
    if isinstance(rule, EachDone):
        return _each_done(rule, possible, known)
    if isinstance(rule, PerTerm):
        return _per_term(rule, possible, known)
    if isinstance(rule, AfterEvent):
        return _after_event(rule, possible, known)
    return _by_hand(rule, possible, known, criterion.id)


def _decided(
    points: Decimal, possible: Decimal, known: Known, figure: str, missing: list[str], basis: str
) -> Result:
    """Return a line that the rule decides; while the year goes on, more may still be recorded."""
    most = points if known.over else possible
    return Result(figure, tuple(missing), points, points, most, basis)


def _whole(rule: Whole, possible: Decimal, known: Known) -> Result:
    # A duty that does not hold in the year has no window, and nothing can be demanded of it.
    missing = _absences(rule.feeds, known)
    points = ZERO if missing else possible
    why = "登记不足" if any(_some(feed, known) for feed in rule.feeds) else "没有登记"
    basis = f"{why}，扣{plain(possible)}分" if missing else "已登记，不扣分"
    return _decided(points, possible, known, _figures(rule.feeds, known), missing, basis)


def _each_missing(rule: EachMissing, possible: Decimal, known: Known) -> Result:
    windows = known.windows.get(rule.feed, ())
    unit = known.units.get(rule.feed, "")
    figure = _figures((rule.feed,), known)
    if rule.wanted is not None:
        counted = sum(one.counted for one in windows)
        settled = any(one.settled for one in windows)
        lacking = 0 if settled else max(rule.wanted - counted, 0)
        missing = [f"还差{lacking}{unit}（应有{rule.wanted}{unit}）"] if lacking else []
    else:
        lacking = sum(one.lacking for one in windows)
        missing = [f"{_label(one)}{_absent([one], unit)}" for one in windows if one.lacking]
        figure = "；".join(f"{_label(one)}{one.counted}{unit}" for one in windows)
    lost = min(rule.lose * lacking, possible)
    basis = (
        f"少{lacking}{unit}，每{unit}扣{plain(rule.lose)}分，扣{plain(lost)}分"
        if lacking
        else "不少，不扣分"
    )
    if rule.lose * lacking > possible:
        basis += "（扣完为止）"
    return _decided(possible - lost, possible, known, figure, missing, basis)


def _each_done(rule: EachDone, possible: Decimal, known: Known) -> Result:
    windows = known.windows.get(rule.feed, ())
    counted, unit = sum(one.counted for one in windows), known.units.get(rule.feed, "")
    settled = bool(windows) and all(one.settled for one in windows)
    points = possible if settled else min(rule.gain * counted, possible)
    basis = f"{counted}{unit}，每{unit}得{plain(rule.gain)}分，得{plain(points)}分"
    if settled:
        basis = f"整个要求{_SETTLED[windows[0].settled or 'completed']}，得{plain(points)}分"
    elif rule.gain * counted > possible:
        basis += f"（累计不超过{plain(possible)}分）"
    short = (possible - points) / rule.gain
    missing = [f"再登记{short:g}{unit}可得满分"] if points < possible else []
    return _decided(points, possible, known, _figures((rule.feed,), known), missing, basis)


def _per_term(rule: PerTerm, possible: Decimal, known: Known) -> Result:
    begun = [term for term in known.terms if term.from_ <= known.today]
    if not begun:
        return Result(
            "没有登记驻点期", ("没有登记驻点期",), None, ZERO, possible, "要看派驻人员的材料"
        )
    listed = {  # a term's window is named by its first day
        one.label[:10] for one in known.windows.get(rule.feed, ()) if one.counted or one.settled
    }
    without = [term for term in begun if term.from_.isoformat() not in listed]
    people = sum(term.people for term in begun)
    figure = f"驻点{len(begun)}批，共{people}人次；登记了任务清单的{len(begun) - len(without)}批"
    if not without:
        return _decided(possible, possible, known, figure, [], "每批都登记了任务清单，不扣分")
    lists = tuple(f"{in_full(term.from_)}起的一批（{term.people}人）没有登记任务清单" for term in without)
    lost = rule.lose * rule.ways * sum(term.people for term in without)
    least = max(possible - lost, ZERO)
    most = possible - rule.lose if known.over else possible
    basis = f"要看材料：最少扣{plain(rule.lose)}分，最多扣{plain(possible - least)}分"
    return Result(figure, lists, None, least, most, basis)


def _after_event(rule: AfterEvent, possible: Decimal, known: Known) -> Result:
    events = known.events.get(rule.feed, ())
    done = sum(one.done for one in events)
    figure = f"登记了{len(events)}期，考核办结{done}期" if events else "没有登记"
    if not events:
        never = ("没有登记培训结束，也就没有登记考核",)
        return Result(figure, never, None, ZERO, possible, "要看考核材料")
    missing = tuple(f"{in_full(one.on)}结束的一期没有登记考核" for one in events if not one.done)
    if done == len(events):
        return _decided(possible, possible, known, figure, [], "每期都已考核，不扣分")
    if not done:
        return _decided(
            ZERO, possible, known, figure, list(missing), f"都没有登记考核，扣{plain(possible)}分"
        )
    return Result(figure, missing, None, ZERO, possible, "只考核了一部分，由人判断")


def _by_hand(rule: ByHand, possible: Decimal, known: Known, name: str) -> Result:
    missing = tuple(_absences(rule.feeds, known, named=True))
    figure = _figures(rule.feeds, known, named=name not in rule.feeds)
    return Result(figure, missing, None, ZERO, possible, rule.look)


def _absences(feeds: tuple[str, ...], known: Known, named: bool = False) -> list[str]:
    """Return what each feed lacks; ``named``: called by its title even where there is only one."""
    said = []
    for feed in feeds:
        windows = [one for one in known.windows.get(feed, ()) if one.lacking]
        if windows:
            absent = _absent(windows, known.units.get(feed, ""))
            title = f"{known.titles.get(feed, feed)}：" if named or len(feeds) > 1 else ""
            said.append(f"{title}{absent}")
    return said


def _absent(windows: Sequence[Portion], unit: str) -> str:
    """Return that nothing was recorded in windows that lack something, or how much is short."""
    counted, owed = (sum(getattr(one, name) for one in windows) for name in ("counted", "owed"))
    if not counted:
        return "没有登记"
    return f"登记了{counted}{unit}，还差{sum(one.lacking for one in windows)}{unit}（应有{owed}{unit}）"


def _some(feed: str, known: Known) -> bool:
    return any(one.counted or one.settled for one in known.windows.get(feed, ()))


def _figures(feeds: tuple[str, ...], known: Known, named: bool = False) -> str:
    """Return how much is counted of each feed; ``named``: by its title even where it is alone."""
    said = []
    for feed in feeds:
        windows = known.windows.get(feed, ())
        words = f"{sum(one.counted for one in windows)}{known.units.get(feed, '')}"
        settled = {one.settled for one in windows if one.settled}
        words += "".join(f"（{_SETTLED[one]}）" for one in sorted(settled))
        alone = len(feeds) == 1 and not named
        said.append(words if alone else f"{known.titles.get(feed, feed)} {words}")
    return "；".join(said) or "本系统没有数据"


def in_full(day: date) -> str:
    """Return a day as 2023年7月1日."""
    return f"{day.year}年{day.month}月{day.day}日"


def plain(points: Decimal) -> str:
    """Return points without zeros that say nothing."""
    return f"{points.normalize():f}"


def _label(one: Portion) -> str:
    _year, _, rest = one.label.partition("-")
    if rest.upper().startswith("Q"):
        return f"第{'一二三四'[int(rest[1]) - 1]}季度"
    return one.label
