"""An occurrence as it stands after an authority granted a later date. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from scheduler.occurrences import Occurrence
from workflows.workdays import Workdays


def postponed(one: Occurrence, until: date | None, workdays: Workdays) -> Occurrence:
    """Return the occurrence with a later due date, or itself where ``until`` is not later.

    Ladder, notices and calendars go by what this returns; the stored occurrence keeps the date of
    the text. What another duty binds it to earlier than the text's date stays as it is.
    """
    if until is None or one.due is None or until <= one.due:
        return one
    last = workdays.on_or_before(until)
    bound = one.binds_by if one.binds_by and one.binds_by < one.due else until
    return replace(
        one,
        due=until,
        last_working_day=last,
        binds_by=bound,
        provisional=workdays.provisional(until) or workdays.provisional(last),
    )
