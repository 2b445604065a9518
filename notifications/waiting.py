"""Until when a mail is worth sending, and at which hours it may be tried (again)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from scheduler.hours import next_opening, sending
from scheduler.ladder import REMIND, REVIEWS
from scheduler.world import World

MINUTE = timedelta(minutes=1)
BACKOFF = (1 * MINUTE, 6 * MINUTE, 20 * MINUTE, 60 * MINUTE)
AFTER_DUE = timedelta(days=14)  # how long a mail about something overdue is worth another try
# Mails of the service's own, to the admin: at any hour, for the next one says what has changed.
OWN_ROLES = {"admin": timedelta(days=1), "alarm": timedelta(days=3)}


def backoff(attempt: int, key: str) -> timedelta:
    """Return how long to wait after the given attempt (from 1); hourly ones are spread by key."""
    step = BACKOFF[min(attempt, len(BACKOFF)) - 1]
    spread = timedelta(seconds=sum(key.encode()) % 600) if attempt > len(BACKOFF) else timedelta()
    return step + spread


def useful_until(
    role: str, composed_at: datetime, rungs: Iterable[tuple[str, date]], world: World
) -> datetime:
    """Return the instant after which a mail is no longer worth a try.

    A reminder ends with its due date, for the rungs after it follow; those are good for a while,
    and so is what somebody brought about.
    """
    if role in OWN_ROLES:
        return composed_at + OWN_ROLES[role]
    listed = list(rungs)
    if not listed or any(rung.startswith(("after", REMIND, *REVIEWS)) for rung, _ in listed):
        return composed_at + AFTER_DUE
    end = max(due for _, due in listed) + timedelta(days=1)
    return datetime(end.year, end.month, end.day, tzinfo=world.timezone)


def allowed(at: datetime, role: str, statutory: bool, world: World) -> datetime:
    """Return the first instant from ``at`` (aware) on at which a mail may be handed over.

    Ordinary mail keeps to the sending hours at every try. What is statutory may be tried at any
    hour of a working day, as it may be the last day; nobody is written to on days off.
    """
    if role in OWN_ROLES:
        return at
    if not statutory:
        return sending(at, world.timezone, world.workdays)
    if world.workdays.is_workday(at.astimezone(world.timezone).date()):
        return at
    return next_opening(at, world.timezone, world.workdays)
