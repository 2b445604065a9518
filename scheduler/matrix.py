"""Who has reported: one document's institutions against its periods, read from the store."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlmodel import Session

from scheduler import queries
from scheduler.facts import Standing, standing
from scheduler.occurrences import Occurrence
from scheduler.postponing import postponed
from scheduler.queries import OCCURRENCES
from scheduler.refusals import Refused
from scheduler.rows import decode
from scheduler.statuses import word
from scheduler.world import World

KINDS = ("once", "recurring", "fuzzy")
PHASES = ("core", "open-ended", "contested")
OWED = ("open", "returned")  # states in which somebody has to act, and is to be reminded
NOT_EXPECTED = ("history", "waived")


@dataclass(frozen=True)
class Cell:
    """One occurrence in the matrix: ``status`` is the office's word, ``state`` the machine's.

    ``due`` is the text's date, ``last_working_day`` that of the date that counts. ``on_time`` goes
    by the extended date, ``on_time_original`` by the text's; None while nothing is reported.
    ``expected``: it counts among what is to be reported. ``about``: whom it is about, where one
    institution has several of a period. ``source``: number and clauses.
    """

    key: str
    obligation: str
    title: str
    period: str
    due: date
    last_working_day: date | None
    extended_to: date | None
    status: str
    tone: str
    state: str
    reported_on: date | None
    on_time: bool | None
    on_time_original: bool | None
    note: str
    about: str
    source: str
    expected: bool

    @property
    def owed(self) -> bool:
        """Return whether whoever is responsible still has to act."""
        return self.expected and self.state in OWED


@dataclass(frozen=True)
class Row:
    """One institution with its cells, by date then key; ``institution_id`` None where unresolved."""

    institution: str
    institution_id: str | None
    cells: tuple[Cell, ...]

    def of(self, period: str) -> tuple[Cell, ...]:
        """Return the cells of a period."""
        return tuple(cell for cell in self.cells if cell.period == period)


@dataclass(frozen=True)
class Counts:
    """How many are expected, reported (waiting for acceptance included), and those on time."""

    expected: int
    reported: int
    on_time: int


@dataclass(frozen=True)
class Matrix:
    """``periods``: the labels in the order of their dates. ``today``: the local day it is as of."""

    document: str
    number: str
    title: str
    today: date
    periods: tuple[str, ...]
    rows: tuple[Row, ...]
    counts: Counts

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return all cells, row by row."""
        return tuple(cell for row in self.rows for cell in row.cells)


def matrix(
    session: Session, world: World, document: str, now: datetime, period: str | None = None
) -> Matrix:
    """Return who has reported what of a document, as of ``now`` (aware).

    Dated duties only; what was due before the document was adopted is there and not expected.
    ``period``: one label, or a year (all that is due in it); without one, all that is due up to
    the end of this year. Raises Refused for a document or period that there is not.
    """
    source = world.documents.get(document)
    if source is None:
        raise Refused(f"没有应用过编号为“{document}”的文件", "现有文件见 duban documents")
    today = now.astimezone(world.timezone).date()
    found = _chosen(_occurrences(session, document), period, today)
    facts = queries.facts(session, [one.key for one, _ in found])
    rows: dict[tuple[str | None, str], list[Cell]] = {}
    starts: dict[str, date] = {}
    for one, status in found:
        assert one.due is not None
        said = standing(facts.get(one.key, ()), today)
        party = one.responsible
        rows.setdefault((party.id, party.name), []).append(_cell(one, status, said, today, world))
        starts[one.period] = min(one.due, starts.get(one.period, one.due))
    order = {id_: place for place, id_ in enumerate(world.rosters[document].institutions)}
    last = len(order)
    listed = tuple(
        Row(name, id_, tuple(cells))
        for (id_, name), cells in sorted(
            rows.items(), key=lambda item: (order.get(item[0][0] or "", last), item[0][1])
        )
    )
    return Matrix(
        document=document,
        number=source.number or source.title,
        title=source.title,
        today=today,
        periods=tuple(sorted(starts, key=lambda label: (starts[label], label))),
        rows=listed,
        counts=_counts(cell for row in listed for cell in row.cells),
    )


def only(whole: Matrix, institutions: Collection[str]) -> Matrix:
    """Return the rows of some institutions, counted by themselves."""
    rows = tuple(row for row in whole.rows if row.institution_id in institutions)
    cells = [cell for row in rows for cell in row.cells]
    left = {cell.period for cell in cells}
    periods = tuple(label for label in whole.periods if label in left)
    return replace(whole, rows=rows, periods=periods, counts=_counts(cells))


def _occurrences(session: Session, document: str) -> list[tuple[Occurrence, str]]:
    column = OCCURRENCES.c
    query = (
        select(column.body, column.status)
        .where(column.document == document, column.kind.in_(KINDS), column.phase.in_(PHASES))
        .where(column.status != "cancelled", column.due.is_not(None))
        .order_by(column.due, column.key)
    )
    return [(decode(body), status) for body, status in session.execute(query)]


def _chosen(
    found: list[tuple[Occurrence, str]], period: str | None, today: date
) -> list[tuple[Occurrence, str]]:
    if period is None:
        return [pair for pair in found if pair[0].due and pair[0].due.year <= today.year]
    asked = period.strip().lower()
    chosen = [pair for pair in found if pair[0].period.lower() == asked]
    if re.fullmatch(r"[0-9]{4}", asked):  # a year also where some of its duties bear it as label
        chosen = [pair for pair in found if pair[0].due and pair[0].due.year == int(asked)]
    if not chosen:
        known = list(dict.fromkeys(one.period for one, _ in found))
        near = [label for label in known if label[:4] == asked[:4]] or known
        more = "等" if len(near) > 12 else ""
        hint = f"现有：{'、'.join(near[:12])}{more}；也可以写年份" if near else "没有带日期的事项"
        raise Refused(f"没有“{period}”这一期", hint)
    return chosen


def _cell(one: Occurrence, status: str, said: Standing, today: date, world: World) -> Cell:
    assert one.due is not None
    how = word(one, status, said, today, world.workdays)
    about = ""
    if "." in one.key.split("/")[2]:  # the duty of one pairing: the other side tells it apart
        about = "、".join(p.name for pair in one.pairings for p in pair if p != one.responsible)
    return Cell(
        key=one.key,
        obligation=one.obligation,
        title=one.title,
        period=one.period,
        due=one.due,
        last_working_day=postponed(one, how.extended_to, world.workdays).last_working_day,
        extended_to=how.extended_to,
        status=how.word,
        tone=how.tone,
        state=status,
        reported_on=how.reported_on,
        on_time=how.on_time,
        on_time_original=how.on_time_original,
        note=how.note,
        about=about,
        source=f"{one.number} {'、'.join(one.clauses)}".strip(),
        expected=status not in NOT_EXPECTED and one.responsible.id is not None,
    )


def _counts(cells: Iterable[Cell]) -> Counts:
    expected = [cell for cell in cells if cell.expected]
    reported = [cell for cell in expected if cell.state in ("completed", "submitted")]
    return Counts(len(expected), len(reported), sum(cell.on_time is True for cell in reported))
