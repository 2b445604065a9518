"""What a reader wrote down by hand, and the same matter as the program has it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from config.roster import Institution, Roster
from scheduler.loading import Loaded, load
from scheduler.occurrences import Occurrence, occurrences
from scheduler.parties import Subject, subjects
from workflows.document import Document, Duty

FOLDER = Path(__file__).parent
SHEETS: dict[str, dict[str, Any]] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted(FOLDER.glob("*.yaml"))
}
ENTRIES = [(name, entry["id"]) for name, sheet in SHEETS.items() for entry in sheet["obligations"]]
EARLIEST = date(2010, 1, 1)  # before every document, so that nothing is left out


@cache
def files() -> Loaded:
    """Return the bundled documents and rosters."""
    return load()


def document(name: str) -> Document:
    """Return a bundled document."""
    return files().documents[name]


def roster(name: str) -> Roster:
    """Return a bundled roster."""
    return files().rosters[name]


def entry(name: str, obligation: str) -> dict[str, Any]:
    """Return what was written down by hand for an obligation."""
    return next(one for one in SHEETS[name]["obligations"] if one["id"] == obligation)


def duty(name: str, obligation: str) -> Any:
    """Return an encoded obligation; KeyError if there is none."""
    return {one.id: one for one in document(name).obligations}[obligation]


@cache
def _all(name: str) -> tuple[Occurrence, ...]:
    end = SHEETS[name]["through"]
    return tuple(occurrences(document(name), roster(name), files().workdays, EARLIEST, end))


def found(name: str, obligation: str) -> dict[str, list[Occurrence]]:
    """Return an obligation's occurrences per subject, by due date, up to the sheet's ``through``."""
    grouped: dict[str, list[Occurrence]] = {}
    for one in _all(name):
        if one.obligation == obligation:
            grouped.setdefault(one.key.split("/")[2], []).append(one)
    return grouped


def everything(name: str) -> tuple[Occurrence, ...]:
    """Return all occurrences of a document up to the sheet's ``through``."""
    return _all(name)


def bound(name: str, obligation: str) -> list[Subject]:
    """Return the subjects of an obligation, those without any date included."""
    of: Duty = duty(name, obligation)
    return subjects(document(name), roster(name), of)


def names(value: Any, lists: dict[str, list[str]]) -> list[str]:
    """Return the names that a cell of the sheet stands for: a list's, its own, or none."""
    if value is None:
        return []
    if isinstance(value, str):
        return lists.get(value, [value])
    return list(value)


def hospitals(subject: Subject, side: int) -> set[str]:
    """Return the names of the supporters (0) or recipients (1) of a subject's pairings."""
    return {pair[side].name for pair in subject.pairings}


def meant(words: Iterable[str], subject: Subject, of: Roster) -> set[str]:
    """Return the names that the sheet's words mean for one subject.

    The government and the authority are looked up by county and city, not by the columns that the
    program itself uses.
    """
    expected: set[str] = set()
    for word in words:
        if word in ("supporter", "recipient"):
            expected |= hospitals(subject, int(word == "recipient"))
        elif word == "government":
            expected |= _by_place(subject, of, "government", "county")
        elif word == "recipient-authority":
            expected |= _by_place(subject, of, "authority", "city")
        else:
            expected.add(word)
    return expected


def _by_place(subject: Subject, of: Roster, kind: str, column: str) -> set[str]:
    def place(one: Institution) -> str:
        return str(getattr(one, column))

    at = {place(of.by_name[name]) for name in hospitals(subject, 1)}
    return {one.name for one in of.institutions.values() if one.kind == kind and place(one) in at}
