"""How an occurrence stands on a day, as a shape, a word and a colour. Pure."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from notifications.phrasing import working_days
from scheduler.ladder import climbs
from scheduler.occurrences import Occurrence
from workflows.workdays import Workdays

SOON = 7  # working days


class Badge(NamedTuple):
    """``tone`` is the class that gives shape and colour: late, soon, wait, done or calm."""

    tone: str
    word: str


_SAID = {
    "completed": Badge("done", "已办结"),
    "waived": Badge("done", "免报"),
    "acknowledged": Badge("wait", "已知悉"),
    "cancelled": Badge("calm", "已取消"),
    "history": Badge("calm", "采用前"),
}


def badge(one: Occurrence, status: str, today: date, workdays: Workdays) -> Badge:
    """Return how an occurrence stands; late and soon are said only of what is reminded of."""
    if status in _SAID:
        return _SAID[status]
    if one.due is None:
        return Badge("calm", "无日期")
    if one.phase == "pre-issue":
        return Badge("calm", "印发前")
    reminded = climbs(one)
    if one.due < today:
        return Badge("late", "逾期未报") if reminded else Badge("calm", "已过期限")
    left = working_days(workdays, today, one.due)
    if left <= SOON:
        word = "今天到期" if one.due == today else f"剩{left}个工作日"
        return Badge("soon", f"临期 · {word}") if reminded else Badge("calm", word)
    return Badge("calm", "未到期")
