"""The sending hours: when a mail may leave, in the service's own zone."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from workflows.workdays import Workdays

OPEN = time(9)
CLOSE = time(18)


def opening(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which the sending hours of a local day begin."""
    return datetime.combine(day, OPEN, tzinfo=zone)


def sending(at: datetime, zone: ZoneInfo, workdays: Workdays) -> datetime:
    """Return the first instant from ``at`` (aware) on that lies in the sending hours, local.

    The hours are 09:00 to 18:00 on working days; 18:00 itself is outside.
    """
    local = at.astimezone(zone)
    today = local.date()
    if workdays.is_workday(today):
        if local.time() < OPEN:
            return opening(today, zone)
        if local.time() < CLOSE:
            return local
    return next_opening(local, zone, workdays)


def next_opening(at: datetime, zone: ZoneInfo, workdays: Workdays) -> datetime:
    """Return when the sending hours of the next working day after ``at``'s local day begin."""
    return opening(workdays.forward(at.astimezone(zone).date(), 1), zone)
