"""How an occurrence stands on a day, in the one word that offices use for it. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from scheduler.facts import Standing
from scheduler.ladder import climbs
from scheduler.occurrences import Occurrence
from scheduler.rotating import GAP, HANDOVER, TERM
from workflows.workdays import Workdays

SOON = 7  # working days
DAY = timedelta(days=1)


class Status(NamedTuple):
    """``word`` and ``tone`` (late, soon, wait, done or calm), and what was reported when.

    ``due`` is the day that counts now, ``extended_to`` that day where it is not the text's.
    ``on_time`` goes by the extended date, ``on_time_original`` by the text's; both None while
    nothing is reported. ``note`` is a sentence, or empty.
    """

    word: str
    tone: str
    due: date | None = None
    extended_to: date | None = None
    reported_on: date | None = None
    on_time: bool | None = None
    on_time_original: bool | None = None
    note: str = ""


def brief(day: date) -> str:
    """Return a day as 3月2日."""
    return f"{day.month}月{day.day}日"


def word(
    one: Occurrence, status: str, said: Standing, today: date, workdays: Workdays
) -> Status:
    """Return how an occurrence stands on a local day.

    ``one`` as the text has it, ``status`` as stored, ``said`` what its facts come to.
    """
    if status == "cancelled":
        return Status("已取消", "calm", one.due)
    due = one.due
    extended = said.extended_to if due and said.extended_to and said.extended_to > due else None
    ends = extended or due
    if status == "waived":
        return Status("免报", "done", ends, extended)
    if status in ("completed", "submitted"):
        return _reported(status, due, extended, said.reported_on)
    notes = [f"原定{brief(due)}"] if extended and due else []
    if status == "acknowledged" and said.quiet_until:
        notes.append(f"已知悉，{brief(said.quiet_until)}以前不提醒")
    if status == "returned" or said.returned:  # until it is reported again, also where somebody knows of it
        if ends:
            notes.append("已过期限" if ends < today else f"{brief(ends)}以前重报")
        return Status("退回", "late", ends, extended, note="；".join(notes))
    note = "；".join(notes)
    if due is None or ends is None:
        return Status("无日期", "calm")
    if one.phase == "pre-issue":
        return Status("印发前", "calm", ends, extended)
    if status == "history":
        return Status("采用前", "calm", ends, extended)
    if of_terms := _of_terms(one, ends, today):
        return of_terms
    if one.phase == "contested":
        return Status("依据存疑", "wait", ends, extended, note=note)
    if ends < today:
        late = climbs(one)
        return Status("逾期未报", "late" if late else "calm", ends, extended, note=note)
    if extended:
        year = "" if extended.year == today.year else f"{extended.year}年"
        tone = "soon" if _soon(workdays, today, ends) else "wait"
        return Status(f"延期至{year}{brief(extended)}", tone, ends, extended, note=note)
    if _soon(workdays, today, ends):
        return Status("临期", "soon", ends, note=note)
    return Status("未到期", "calm", ends, note=note)


def _of_terms(one: Occurrence, ends: date, today: date) -> Status | None:
    """Return how a term, a handover or a gap stands that has begun: nobody hands one in."""
    if one.kind != "rotation":
        return None
    if one.period.startswith(GAP) and ends <= today:
        return Status("空档", "late", ends)
    if one.period.startswith((TERM, HANDOVER)) and ends < today:
        return Status("已期满", "calm", ends)
    if one.period.startswith(TERM) and one.opens and one.opens <= today:
        return Status("驻点中", "done", ends)
    return None


def _reported(
    status: str, due: date | None, extended: date | None, on: date | None
) -> Status:
    ends = extended or due
    timely = on <= ends if on and ends else None
    original = on <= due if on and due else None
    note = ""
    if extended and due and timely:
        note = f"原定{brief(due)}，" + ("按期" if original else "延期后按期")
    elif extended and due and on:
        note = f"原定{brief(due)}，延期至{brief(extended)}，仍迟报"
    if status == "submitted":
        return Status("已报待审", "wait", ends, extended, on, timely, original, note)
    if timely is False:
        return Status("迟报", "done", ends, extended, on, timely, original, note)
    return Status("已报", "done", ends, extended, on, timely, original, note)


def _soon(workdays: Workdays, today: date, ends: date) -> bool:
    """Return whether no more than ``SOON`` working days are left; no holiday lasts a month."""
    days = (ends - today).days
    if days > 30 + 2 * SOON:
        return False
    return sum(workdays.is_workday(today + n * DAY) for n in range(1, days + 1)) <= SOON
