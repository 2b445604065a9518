"""What a quota demands of one window, and when its pace is looked at. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from workflows.kinds import Amount, QuotaRule


@dataclass(frozen=True, slots=True)
class Count:
    """What a quota demands of one window.

    ``items``: the acts of which each is owed once. ``each`` names a set every member of which is
    to be reached, ``members`` are those that the roster has at the window's end.
    """

    at_least: int | None
    at_most: int | None
    unit: str
    per: str
    enforced: bool
    items: tuple[str, ...] = ()
    each: str | None = None
    members: tuple[str, ...] = ()


def demanded(rule: Any, amount: Amount | None, *, enforced: bool) -> Count | None:
    """Return what a rule, or the amount beside a date, demands; None where it is no number."""
    if isinstance(rule, QuotaRule):
        # A year counts, however late in it the document or the pairing began (house ruling 8).
        counts = enforced or rule.per in ("year", "whole")
        return Count(
            rule.at_least, rule.at_most, rule.unit, rule.per, counts, rule.items, rule.each
        )
    if amount is not None:
        return Count(amount.at_least, amount.at_most, amount.unit, amount.per, True)
    return None


# How long before a window's end its pace is looked at, for the last time first.
_EARLY = {
    "week": ("2wd",),
    "fortnight": ("5d",),
    "month": ("10d",),
    "two-months": ("21d",),
    "quarter": ("30d",),
    "half-year": ("60d",),
    "year": ("90d", "180d"),
    "shift": ("30d", "90d"),
    "whole": ("30d", "90d"),
}


def reminders(quota: Count, opens: date | None, due: date) -> tuple[tuple[str, str], ...]:
    """Return the rungs of a quota's window: early warnings that fit into it, and a closing note.

    A window that is not enforced has none.
    """
    if not quota.enforced or opens is None:
        return ()
    length = (due - opens).days
    early = [span for span in reversed(_EARLY[quota.per]) if int(span.rstrip("wd")) < length]
    return (*((f"before-{span}", "responsible") for span in early), ("after-1wd", "responsible"))
