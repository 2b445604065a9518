"""How far a quota is fulfilled: windows and activities become counts, pace and a state. Pure.

House rulings (rounding of the pace, sets, items): docs/readings.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from scheduler.quotas import Count

DAY = timedelta(days=1)
State = Literal["upcoming", "on-pace", "behind", "met", "short", "over"]
STATES: dict[State, str] = {
    "upcoming": "未开始",
    "on-pace": "按进度",
    "behind": "偏慢",
    "met": "已达到",
    "short": "不足",
    "over": "超出",
}


@dataclass(frozen=True, slots=True)
class Deed:
    """Something done towards a quota on a local day; ``item`` names the act or the member."""

    on: date
    count: int = 1
    item: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A quota's window, both days included, and what it demands."""

    opens: date
    due: date
    quota: Count

    @property
    def at_least(self) -> int | None:
        """Return how many are owed: of a set that is listed, all its members."""
        return len(self.quota.members) or self.quota.at_least

    @property
    def owed(self) -> int:
        """Return how many are owed; one where the text only says that there is to be some."""
        if self.at_least is None and self.quota.at_most is None:
            return 1
        return self.at_least or 0


@dataclass(frozen=True, slots=True)
class Tally:
    """What is counted in a window on a local day.

    ``expected``: how many there should be by then; ``missing``: the items or members that nobody
    named yet.
    """

    window: Window
    counted: int
    expected: int
    state: State
    missing: tuple[str, ...]

    @property
    def short(self) -> bool:
        """Return whether too few were done: by now, or in the end."""
        return self.state in ("behind", "short")


def tally(window: Window, deeds: Iterable[Deed], today: date) -> Tally:
    """Return what is counted in a window on a local day; deeds outside it do not count."""
    inside = [deed for deed in deeds if window.opens <= deed.on <= window.due]
    counted = _counted(window.quota, inside)
    expected = expected_by(window, today)
    named = {deed.item for deed in inside}
    owed = window.quota.members or window.quota.items
    missing = tuple(one for one in owed if one not in named)
    return Tally(window, counted, expected, _state(window, counted, expected, today), missing)


def _counted(quota: Count, deeds: list[Deed]) -> int:
    named = {deed.item for deed in deeds if deed.item is not None}
    if quota.members:
        return len(named.intersection(quota.members))
    if quota.items:
        return len(named) + sum(deed.count for deed in deeds if deed.item is None)
    return sum(deed.count for deed in deeds)


def expected_by(window: Window, today: date) -> int:
    """Return how many there should be by the end of a local day, halves rounded up."""
    if today < window.opens:
        return 0
    if today >= window.due:
        return window.owed
    elapsed, whole = (today - window.opens).days + 1, (window.due - window.opens).days + 1
    return (2 * window.owed * elapsed + whole) // (2 * whole)


def behind_from(window: Window, counted: int) -> date | None:
    """Return the first day of a window on which so many are too few; None if they suffice."""
    if counted >= window.owed:
        return None
    whole = (window.due - window.opens).days + 1
    # The least number of days for which 2·owed·days + whole >= 2·whole·(counted + 1).
    days = -(-(2 * counted + 1) * whole // (2 * window.owed))
    return window.opens + (max(days, 1) - 1) * DAY


def _state(window: Window, counted: int, expected: int, today: date) -> State:
    at_most = window.quota.at_most
    if at_most is not None and counted > at_most:
        return "over"
    if today < window.opens:
        return "upcoming"
    if counted >= window.owed and (window.owed or today > window.due):
        return "met"
    if today > window.due:
        return "short"
    return "behind" if counted < expected else "on-pace"


def pace(found: Tally) -> str:
    """Return where a window stands in one sentence, as 本期已2次，应至3次，共需6次."""
    window, unit = found.window, found.window.quota.unit
    if window.quota.members:
        unit = "个"
    done, owed = f"{found.counted}{unit}", f"{window.owed}{unit}"
    if found.state == "over":
        return f"本期已{done}，超过至多{window.quota.at_most}{unit}"
    if not window.owed:
        return f"本期已{done}，至多{window.quota.at_most}{unit}"
    if found.state == "upcoming":
        return f"本期还没有开始，共需{owed}"
    if found.state == "short":
        return f"本期结束时只有{done}，共需{owed}"
    if found.state == "met":
        return f"本期已{done}，共需{owed}，已达到"
    return f"本期已{done}，应至{found.expected}{unit}，共需{owed}"
