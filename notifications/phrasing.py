"""Dates and spans as a mail of today says them; texts stripped of what could do harm."""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta

from notifications.wording import WEEKDAYS
from workflows.workdays import Workdays

DAY = timedelta(days=1)
# Control and format characters, lone surrogates, line and paragraph separators: they could start
# a header line, turn a line's direction round, or be refused by the encoder.
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
NAME_LIMIT = 80


def plain(text: str, limit: int = NAME_LIMIT) -> str:
    """Return a text on one line, without control or format characters, cut to ``limit``."""
    head = text[: limit * 4]
    kept = "".join(" " if unicodedata.category(c) in _HARMFUL else c for c in head)
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def on(day: date, today: date) -> str:
    """Return ``9月20日（周五）``, with the year in front unless it is today's."""
    return f"{brief(day, today)}（周{WEEKDAYS[day.weekday()]}）"


def brief(day: date, today: date) -> str:
    """Return ``9月20日``, with the year in front unless it is today's."""
    year = "" if day.year == today.year else f"{day.year}年"
    return f"{year}{day.month}月{day.day}日"


def working_days(workdays: Workdays, after: date, until: date) -> int:
    """Return how many working days lie after ``after``, up to ``until`` (included)."""
    span = (until - after).days
    return sum(workdays.is_workday(after + n * DAY) for n in range(1, span + 1))


def remaining(workdays: Workdays, today: date, due: date) -> str:
    """Return how much time is left until a due date, or since when it is over."""
    if due < today:
        return f"已逾期 {working_days(workdays, due, today)} 个工作日"
    if due == today:
        return "今天到期"
    left = working_days(workdays, today, due)
    return f"还剩 {left} 个工作日" if left else "今天是到期前最后一个工作日"
