"""The page of the 台账: who has reported, who has not, and one button for those who have not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated, Any, NamedTuple
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from notifications.links import PARAMETER
from scheduler import reminding
from scheduler.ledger import workbook
from scheduler.matrix import Cell, Matrix, Row, matrix
from scheduler.refusals import Refused
from scheduler.reminding import pressing
from scheduler.store import reading, writing
from web import queries
from web.acting import Actor
from web.house import House
from web.rendering import Pages

BOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NEAR = timedelta(days=30)
WORDS = ("逾期未报", "退回", "临期", "已报待审", "延期", "未到期", "依据存疑", "已报", "迟报", "免报")


class Column(NamedTuple):
    """One obligation of one period; ``due`` is its first date."""

    period: str
    obligation: str
    title: str
    due: date


class Choice(NamedTuple):
    """One entry of a list to choose from."""

    value: str
    text: str


@dataclass(frozen=True)
class Asked:
    """What the page is asked to show; empty strings: everything."""

    document: str
    period: str
    state: str = ""
    city: str = ""
    obligation: str = ""

    def query(self, **more: str) -> str:
        """Return it as the end of an address."""
        return urlencode({k: v for k, v in {**vars(self), **more}.items() if v})


def columns(rows: Iterable[Row]) -> list[Column]:
    """Return what the cells of some rows are about, in the order of dates."""
    found: dict[tuple[str, str], Column] = {}
    for row in rows:
        for cell in row.cells:
            at = (cell.period, cell.obligation)
            if at not in found or cell.due < found[at].due:
                found[at] = Column(*at, cell.title, cell.due)
    return sorted(found.values(), key=lambda one: (one.due, one.period, one.title))


def filtered(whole: Matrix, asked: Asked, city_of: Mapping[str, str]) -> list[Row]:
    """Return the rows that a filter leaves; an obligation leaves only its own cells."""
    rows: list[Row] = []
    for row in whole.rows:
        if asked.city and city_of.get(row.institution_id or "", "") != asked.city:
            continue
        cells = tuple(c for c in row.cells if asked.obligation in ("", c.obligation))
        if asked.state and not any(cell.status.startswith(asked.state) for cell in cells):
            continue
        if cells:
            rows.append(replace(row, cells=cells))
    return rows


def counted(cells: Iterable[Cell]) -> tuple[int, int, int]:
    """Return how many are expected, reported, and reported in time."""
    expected = [cell for cell in cells if cell.expected]
    reported = [cell for cell in expected if cell.state in ("completed", "submitted")]
    return len(expected), len(reported), sum(cell.on_time is True for cell in reported)


def periods(known: Sequence[tuple[str, date, date]], today: date) -> tuple[list[Choice], str]:
    """Return what can be chosen, years first, and what is shown where nothing was.

    ``known``: each label with its first and last date. Shown is what fell due last or will within
    a month, because that is what is being asked for.
    """
    years = sorted({day.year for _, first, last in known for day in (first, last)}, reverse=True)
    choices = [Choice(str(year), f"{year}年全年") for year in years]
    whole = {str(year) for year in years}  # what bears a year as its label is in that year
    choices += [
        Choice(label, _named(label, first, last))
        for label, first, last in known
        if label not in whole
    ]
    current = [label for label, first, _ in known if first <= today + NEAR]
    return choices, current[-1] if current else (known[0][0] if known else "")


def _named(label: str, first: date, last: date) -> str:
    day = f"{first.year}年{first.month}月{first.day}日"
    if label == "once":
        return "一次性事项"
    if first == last:
        return f"{day}到期"
    year = "" if last.year == first.year else f"{last.year}年"
    return f"{day}至{year}{last.month}月{last.day}日到期"


def shown(
    house: House, whole: Matrix, asked: Asked, choices: list[Choice], documents: Iterable[str]
) -> dict[str, Any]:
    """Return what the page lists of a matrix; ``documents``: the ids that can be chosen."""
    world = house.world
    roster = world.rosters[asked.document].institutions
    city_of = {one.id: one.city or "" for one in roster.values()}
    cities = {city_of.get(row.institution_id or "", "") for row in whole.rows} - {""}
    rows = filtered(whole, asked, city_of)
    heads = columns(rows)
    return {
        "whole": whole,
        "asked": asked,
        "documents": [Choice(d, world.documents[d].number or world.documents[d].title)
                      for d in documents],
        "periods": choices,
        "named": dict(choices).get(asked.period, asked.period),
        "states": [w for w in WORDS if any(c.status.startswith(w) for c in whole.cells)],
        "cities": sorted(cities),
        "obligations": sorted({Choice(c.obligation, c.title) for c in whole.cells}),
        "columns": heads,
        "rows": [(row, [_at(row, head) for head in heads]) for row in rows],
        "counts": counted(cell for row in rows for cell in row.cells),
        "owing": sum(any(pressing(cell, whole.today, world.workdays) for cell in row.cells)
                     for row in whole.rows),
        "undone": sum(any(cell.owed for cell in row.cells) for row in whole.rows),
        "parameter": PARAMETER,
    }  # fmt: skip


def exported(whole: Matrix, asked: Asked) -> Response:
    """Return a matrix as a workbook to download."""
    name = quote(f"台账 {whole.number} {asked.period}.xlsx")
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(workbook(whole), media_type=BOOK, headers=headers)


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the routes of the 台账."""
    router = APIRouter(include_in_schema=False)

    def asked_for(session: Session, document: str, period: str) -> tuple[Asked, list[Choice]]:
        known = house.world.documents
        if not document and known:
            document = queries.liveliest(session, queries.FACT_DOCUMENTS, list(known))
        if document not in known:
            raise HTTPException(404)
        choices, current = periods(queries.periods(session, document), house.today)
        return Asked(document, period.strip() or current), choices

    def read(session: Session, asked: Asked) -> Matrix:
        try:
            return matrix(session, house.world, asked.document, house.now(), asked.period or None)
        except Refused:
            raise HTTPException(404) from None

    @router.get("/ledger")
    def page(
        document: str = "", period: str = "", state: str = "", city: str = "",
        obligation: str = "", reminded: str = "",
    ) -> HTMLResponse:  # fmt: skip
        if not house.world.documents:
            return pages.page("ledger.html", here="/ledger", whole=None, below="")
        with reading(house.engine) as session:
            asked, choices = asked_for(session, document, period)
            asked = replace(asked, state=state, city=city, obligation=obligation)
            whole = read(session, asked)
        return pages.page(
            "ledger.html",
            here="/ledger",
            **shown(house, whole, asked, choices, house.world.documents),
            place="/ledger",
            actor=Actor(),
            below="",
            reminded=reminded if re.fullmatch(r"[0-9]{1,5}", reminded) else "",
        )

    @router.get("/ledger.xlsx")
    def book(document: str = "", period: str = "") -> Response:
        with reading(house.engine) as session:
            asked, _ = asked_for(session, document, period)
            whole = read(session, asked)
        return exported(whole, asked)

    @router.post("/ledger/remind")
    def remind(
        document: Annotated[str, Form(max_length=100)],
        period: Annotated[str, Form(max_length=100)],
        confirmed: Annotated[str, Form(max_length=1)] = "",
        everything: Annotated[str, Form(max_length=1)] = "",
    ) -> Response:
        asked = Asked(document, period)
        known = house.world.documents.get(document)
        if known is None or not period:
            raise HTTPException(404)
        every = bool(everything)
        if not confirmed:
            with reading(house.engine) as session:
                choices, _ = periods(queries.periods(session, document), house.today)
                try:
                    found = reminding.foresee(
                        session, document, period, house.now(), house.world, every
                    )
                except Refused:
                    raise HTTPException(404) from None
            return pages.page(
                "remind.html",
                here="/ledger",
                number=known.number or known.title,
                named=dict(choices).get(period, period),
                asked=asked,
                found=found,
                every=every,
            )
        try:
            with writing(house.engine) as session:
                done = reminding.remind(
                    session, document, period, house.now(), house.world, "管理员", every
                )
        except Refused as refused:
            return pages.page(
                "refused.html",
                status=409,
                heading="没有催",
                said=f"{refused.message}。",
                advice=refused.hint,
                back=f"/ledger?{asked.query()}",
            )
        return RedirectResponse(f"/ledger?{asked.query(reminded=str(len(done.told)))}", 303)

    return router


def _at(row: Row, head: Column) -> list[Cell]:
    return [c for c in row.cells if (c.period, c.obligation) == (head.period, head.obligation)]
