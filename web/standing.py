"""How an occurrence stands on a day, as a shape, a word and a colour. Pure.

The word is the office's (``scheduler.statuses``); the class gives shape and colour.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from notifications.phrasing import working_days
from scheduler.facts import Standing
from scheduler.ladder import climbs
from scheduler.occurrences import Occurrence
from scheduler.statuses import SOON, word
from workflows.workdays import Workdays

__all__ = ["SOON", "Badge", "badge"]


class Badge(NamedTuple):
    """``tone`` is the class that gives shape and colour: late, soon, wait, done or calm."""

    tone: str
    word: str


def badge(one: Occurrence, status: str, said: Standing, today: date, workdays: Workdays) -> Badge:
    """Return how an occurrence stands; of what is soon, how many working days are left."""
    found = word(one, status, said, today, workdays)
    if found.tone != "soon" or found.due is None:
        return Badge(found.tone, found.word)
    left = working_days(workdays, today, found.due)
    rest = "今天到期" if found.due == today else f"剩{left}个工作日"
    if not climbs(one):
        return Badge("calm", rest)
    return Badge("soon", f"{found.word} · {rest}")
