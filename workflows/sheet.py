"""The frozen types of a scoring sheet: by which rule each criterion loses or gains points.

A sheet belongs to a document, whose obligations feed its criteria. Points are exact decimals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from workflows.document import Document, Interpretation
from workflows.kinds import Count, Frozen, Id, Text
from workflows.parse import report_all
from workflows.source import Problem, Source, read
from workflows.text import MAX_BYTES

SHEETS = Path(__file__).parent / "sheets"


def beside(workflows: Path | None) -> Path | None:
    """Return where the admin's own sheets lie: ``sheets`` in the folder of own workflows."""
    return workflows / "sheets" if workflows else None


def _points(value: object) -> object:
    """Return a number written in the file as the decimal that stands there, tenths at the finest."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        written = Decimal(str(value))
        return written if written == round(written, 1) else value
    return value


Points = Annotated[
    Decimal, BeforeValidator(_points, json_schema_input_type=float), Field(ge=0, le=1000)
]


class Whole(Frozen):
    """All points are lost unless every feed has at least one act."""

    kind: Literal["whole"]
    feeds: Annotated[tuple[Id, ...], Field(min_length=1)]


class EachMissing(Frozen):
    """``lose`` for each act that lacks: of ``wanted`` in the year, else in each of its windows."""

    kind: Literal["each-missing"]
    feed: Id
    lose: Points
    wanted: Count | None = None


class EachDone(Frozen):
    """``gain`` for each act, up to the criterion's points."""

    kind: Literal["each-done"]
    feed: Id
    gain: Points


class PerTerm(Frozen):
    """Nothing is lost where each stationing term has its act; else ``lose`` at least, and at most
    ``lose`` in so many ``ways`` for each person of the terms without."""

    kind: Literal["per-term"]
    feed: Id
    lose: Points
    ways: Count


class AfterEvent(Frozen):
    """All points where what is owed after each event was done, none where it never was."""

    kind: Literal["after-event"]
    feed: Id


class ByHand(Frozen):
    """Only a person can say; the feeds' figures help. ``look``: where that person looks."""

    kind: Literal["by-hand"]
    feeds: tuple[Id, ...] = ()
    look: Text


Rule = Annotated[
    Whole | EachMissing | EachDone | PerTerm | AfterEvent | ByHand, Field(discriminator="kind")
]


class Criterion(Frozen):
    """One line of a sheet: what is looked at, and what it is worth; ``lose`` is the rule in words."""

    id: Id
    title: Text
    lose: Text
    points: Points
    rule: Rule
    interpretation: Interpretation | None = None

    @property
    def feeds(self) -> tuple[str, ...]:
        """Return the obligations whose records say something about it."""
        if isinstance(self.rule, Whole | ByHand):
            return self.rule.feeds
        return (self.rule.feed,)


class SheetPart(Frozen):
    """A part of the sheet with its criteria."""

    id: Id
    name: Text
    points: Points
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1)]


class Level(Frozen):
    """One step of a bonus."""

    name: Text
    points: Points


class Bonus(Frozen):
    """Points on top; the highest level counts. Always a person's to give."""

    id: Id
    title: Text
    levels: Annotated[tuple[Level, ...], Field(min_length=1)]

    @property
    def most(self) -> Decimal:
        """Return what it can add."""
        return max(level.points for level in self.levels)


class Veto(Frozen):
    """What makes the points worthless once it is proved; ``look_at``: where signs may be seen."""

    id: Id
    title: Text
    proof: Text
    look_at: Literal["stationing", "anything"] | None = None


class Grade(Frozen):
    """A grade, from so many points on."""

    name: Text
    from_: Points = Field(alias="from")


class Sheet(Frozen):
    """One document's scoring sheet."""

    document: Id
    title: Text
    clause: Text
    total: Points
    grades: Annotated[tuple[Grade, ...], Field(min_length=1)]
    grades_note: Text | None = None
    year: Interpretation
    parts: Annotated[tuple[SheetPart, ...], Field(min_length=1)]
    bonus: tuple[Bonus, ...] = ()
    bonus_note: Interpretation | None = None
    vetoes: tuple[Veto, ...] = ()


def parse_sheet(
    raw: bytes, path: str, document: Document
) -> tuple[Sheet | None, tuple[Problem, ...]]:
    """Return the sheet that a file's bytes hold, and every problem; None where one is an error.

    ``document`` is the one that the sheet belongs to.
    """
    source = read(raw, path)
    sheet = None
    if isinstance(source.data, dict):
        try:
            sheet = Sheet.model_validate(source.data)
        except ValidationError as error:
            report_all(error, source)
        else:
            _consistent(sheet, document, source)
    elif source.data is not None:
        source.report((1, 1), "F003", "整个文件应为一组“键: 值”", "从 document: 一行开始写")
    elif not source.problems:
        source.report((1, 1), "Y013", "文件是空的", "从 docs 里的样例抄一份开始写")
    source.problems.sort()
    faulty = any(problem.severity == "error" for problem in source.problems)
    return None if faulty else sheet, tuple(source.problems)


def read_sheet(
    folders: Sequence[Path], document: Document
) -> tuple[Sheet | None, tuple[Problem, ...]]:
    """Return a document's sheet from the first folder that has one, and the problems of its file.

    (None, ()) where no folder has one.
    """
    for folder in folders:
        path = folder / f"{document.id}.yaml"
        if path.is_file():
            with path.open("rb") as file:
                return parse_sheet(file.read(MAX_BYTES + 1), str(path), document)
    return None, ()


def _consistent(sheet: Sheet, document: Document, source: Source) -> None:
    if sheet.document != document.id:
        message = f"评分表属于“{sheet.document}”，不是“{document.id}”"
        source.report(source.place(("document",)), "D030", message, "写所属文件的 id")
    kinds: dict[str, Any] = {duty.id: duty.kind for duty in document.obligations}
    for path, criterion in _criteria(sheet):
        wanted = "event" if isinstance(criterion.rule, AfterEvent) else "quota"
        for feed in criterion.feeds:
            if kinds.get(feed) != wanted:
                message = f"“{criterion.id}”取数的“{feed}”不是文件里的 {wanted} 类事项"
                source.report(
                    source.place((*path, "rule")), "D030", message, "核对事项的 id 和 kind"
                )
    seen: set[str] = set()
    for path, id_ in _ids(sheet):
        if id_ in seen:
            source.report(source.place(path), "D032", f"“{id_}”写了两次", "每一项的 id 只用一次")
        seen.add(id_)
    for index, part in enumerate(sheet.parts):
        added = sum(criterion.points for criterion in part.criteria)
        if added != part.points:
            message = f"“{part.name}”各项合计 {added} 分，写的是 {part.points} 分"
            source.report(source.place(("parts", index, "points")), "D031", message, "核对分值")
    if (added := sum(part.points for part in sheet.parts)) != sheet.total:
        message = f"各部分合计 {added} 分，写的是 {sheet.total} 分"
        source.report(source.place(("total",)), "D031", message, "核对分值")
    steps = [grade.from_ for grade in sheet.grades]
    if steps != sorted(set(steps), reverse=True) or steps[-1] != 0:
        hint = "分数线从高写到低，最后一等从 0 起"
        source.report(source.place(("grades",)), "D031", "等次的分数线不是从高到低到 0", hint)


def _criteria(sheet: Sheet) -> Iterator[tuple[tuple[str | int, ...], Criterion]]:
    for index, part in enumerate(sheet.parts):
        for number, criterion in enumerate(part.criteria):
            yield ("parts", index, "criteria", number), criterion


def _ids(sheet: Sheet) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for path, criterion in _criteria(sheet):
        yield (*path, "id"), criterion.id
    for name in ("bonus", "vetoes"):
        for index, one in enumerate(getattr(sheet, name)):
            yield (name, index, "id"), one.id
