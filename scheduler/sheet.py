"""What is recorded becomes a draft of a scoring sheet: figures, what is missing, points. Pure.

Points are given where the rule and the records decide; where only a person can say there are none,
and ``least`` and ``most`` say what may come of it. House readings: ``workflows/sheets``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from scheduler.scoring import ZERO, Known, result
from workflows.document import Interpretation
from workflows.sheet import Criterion, Sheet, Veto


@dataclass(frozen=True, slots=True)
class Line:
    """One criterion: what is known of it, what is missing, and what the rule makes of that.

    ``points`` is None where only a person can say; ``least`` and ``most`` bound them.
    """

    id: str
    part: str
    criterion: str
    rule: str
    possible: Decimal
    figure: str
    missing: tuple[str, ...]
    points: Decimal | None
    least: Decimal
    most: Decimal
    basis: str
    feeds: tuple[str, ...]
    interpretation: Interpretation | None


@dataclass(frozen=True, slots=True)
class PartScore:
    """One part of the sheet; ``open_`` is what its undecided criteria are worth."""

    id: str
    name: str
    possible: Decimal
    known: Decimal
    open_: Decimal
    least: Decimal
    most: Decimal


@dataclass(frozen=True, slots=True)
class VetoView:
    """What would make the points worthless, and signs of it that are recorded here."""

    veto: Veto
    signs: tuple[str, ...]


@dataclass(frozen=True)
class Scored:
    """A whole draft. ``grades`` are those that the range allows, bonus included, best first."""

    sheet: Sheet
    known_of: Known
    lines: tuple[Line, ...]
    parts: tuple[PartScore, ...]
    vetoes: tuple[VetoView, ...]
    known: Decimal
    open_: Decimal
    least: Decimal
    most: Decimal
    bonus: Decimal
    grades: tuple[str, ...]


def score(sheet: Sheet, known: Known) -> Scored:
    """Return the draft that the records of one pairing and one year make of a sheet."""
    lines, parts = [], []
    for part in sheet.parts:
        mine = [_line(part.name, criterion, known) for criterion in part.criteria]
        lines += mine
        decided = sum((one.points for one in mine if one.points is not None), ZERO)
        undecided = sum((one.possible for one in mine if one.points is None), ZERO)
        least, most = (sum((getattr(one, n) for one in mine), ZERO) for n in ("least", "most"))
        parts.append(PartScore(part.id, part.name, part.points, decided, undecided, least, most))
    least = sum((part.least for part in parts), ZERO)
    most = sum((part.most for part in parts), ZERO)
    bonus = sum((one.most for one in sheet.bonus), ZERO)
    return Scored(
        sheet,
        known,
        tuple(lines),
        tuple(parts),
        tuple(VetoView(veto, tuple(_signs(veto, known))) for veto in sheet.vetoes),
        sum((part.known for part in parts), ZERO),
        sum((part.open_ for part in parts), ZERO),
        least,
        most,
        bonus,
        grades(sheet, least, most + bonus),
    )


def grades(sheet: Sheet, least: Decimal, most: Decimal) -> tuple[str, ...]:
    """Return the grades that points from ``least`` to ``most`` may come to, best first."""
    found, above = [], None
    for grade in sheet.grades:
        if most >= grade.from_ and (above is None or least < above):
            found.append(grade.name)
        above = grade.from_
    return tuple(found)


def _line(part: str, criterion: Criterion, known: Known) -> Line:
    found = result(criterion, known)
    return Line(
        criterion.id,
        part,
        criterion.title,
        criterion.lose,
        criterion.points,
        found.figure,
        found.missing,
        found.points,
        found.least,
        found.most,
        found.basis,
        criterion.feeds,
        criterion.interpretation,
    )


def _signs(veto: Veto, known: Known) -> Iterator[str]:
    if veto.look_at == "stationing":
        if not known.terms:
            yield "本年没有登记驻点期"
            return
        for one in known.findings:
            yield one.detail
    elif veto.look_at == "anything":
        any_done = any(one.counted or one.settled for w in known.windows.values() for one in w)
        if not any_done and not known.terms:
            yield "本年没有登记任何活动和驻点期"
