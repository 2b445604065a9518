"""How stationing terms, handovers and gaps are said: nothing is handed in, and nothing is overdue.

Alike in mails and feeds; what is said of other occurrences stays with ``wording``.
"""

from __future__ import annotations

from datetime import date

from notifications.phrasing import remaining as until_due
from notifications.wording import day
from scheduler.occurrences import Occurrence
from scheduler.rotating import GAP, HANDOVER, TERM, UNRELIEVED
from scheduler.world import World
from workflows.kinds import RotationRule
from workflows.workdays import Workdays


def is_term(one: Occurrence) -> bool:
    """Return whether an occurrence is a recorded term, which is a span and asks for nothing."""
    return one.kind == "rotation" and one.period.startswith(TERM)


def is_handover(one: Occurrence) -> bool:
    """Return whether an occurrence is the end of a term."""
    return one.kind == "rotation" and one.period.startswith(HANDOVER)


def is_relieved(one: Occurrence) -> bool:
    """Return whether somebody is recorded for the day after a handover."""
    return is_handover(one) and one.rungs != UNRELIEVED


def is_gap(one: Occurrence) -> bool:
    """Return whether an occurrence is a time without anybody."""
    return one.kind == "rotation" and one.period.startswith(GAP)


def when(one: Occurrence, late: bool) -> str:
    """Return the word before an occurrence's date in a mail."""
    if is_handover(one):
        return "期满"
    if is_gap(one):
        return "空档自"
    return "应于" if late else "最迟"


def first_day(one: Occurrence, due: date) -> date:
    """Return the day to name: of a gap that was learned of late its first one, else the due date."""
    return one.opens if is_gap(one) and one.opens else due


def remaining(one: Occurrence, workdays: Workdays, today: date, due: date) -> str:
    """Return how much time is left, or since when it is over; of a gap, for how many days."""
    if not is_gap(one):
        return until_due(workdays, today, due)
    days = (today - first_day(one, due)).days
    return f"已空 {days} 天" if days > 0 else until_due(workdays, today, due)


def verb(one: Occurrence) -> str | None:
    """Return what follows the date in a mail's subject, None where it is as for all others."""
    if is_gap(one):
        return "起"
    return "" if is_handover(one) else None


def lines(one: Occurrence) -> list[str]:
    """Return the lines with which a calendar entry of a term, handover or gap begins."""
    assert one.due is not None
    said = [one.summary] if one.summary else []
    if is_term(one) and one.opens:
        return [*said, f"驻点期：{day(one.opens)}至{day(one.due)}，含当日"]
    if is_gap(one):
        return [*said, f"空档自：{day(first_day(one, one.due))}"]
    return [*said, f"期满：{day(one.due)}，当日在岗"]


def followed_by_gap(one: Occurrence, world: World) -> bool:
    """Return whether a handover will be escalated as a gap if nobody is recorded for the days after."""
    document = world.documents.get(one.document)
    if document is None or not is_handover(one) or is_relieved(one):
        return False
    rules = [duty.rule for duty in document.obligations if duty.id == one.obligation]
    return any(isinstance(rule, RotationRule) and rule.full_year for rule in rules)
