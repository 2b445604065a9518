"""What people said of an occurrence, and on what footing it stands because of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

DONE = ("completed", "waived")
KINDS = ("completed", "acknowledged", "waived")


class Said(NamedTuple):
    """One fact that still holds: its kind, the day it is about, and until when (included)."""

    kind: str
    on: date | None = None
    until: date | None = None


class Standing(NamedTuple):
    """The status of an occurrence, and the last day (included) on which it is to be silent."""

    status: str
    quiet_until: date | None = None


def standing(facts: Iterable[Said], today: date, history: bool = False) -> Standing:
    """Return the status that facts give an occurrence on a local day.

    ``history``: it was due before its document was adopted here. Then it is nobody's business
    until someone says that it is done, waived, or acknowledged.
    """
    kinds = {fact.kind: fact for fact in facts}
    for kind in DONE:
        if kind in kinds:
            return Standing(kind)
    known = kinds.get("acknowledged")
    if known is not None and known.until is not None and known.until >= today:
        return Standing("acknowledged", known.until)
    return Standing("history" if history else "open")
