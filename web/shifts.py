"""The page of stationing: each pairing's year in bars and words, and the forms to record a term."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from config.roster import Pairing, Roster
from scheduler import shifts
from scheduler.records import Term
from scheduler.refusals import Refused
from scheduler.shift_report import Sheet, sheets
from scheduler.stationing import DAY, Handover, next_handover
from scheduler.store import reading, writing
from web.house import House
from web.rendering import Pages
from web.shift_bars import Drawing, Line, drawing, lines
from workflows.document import Document

TEXT = 200
FIRST, LAST = shifts.YEARS


@dataclass(frozen=True)
class Shown:
    """One pairing on the page; ``recorded``: it has terms, if only in other years.

    ``gap_today``: nobody is there today, though somebody was before and the text asks for it.
    """

    id: str
    supporter: str
    recipient: str
    percent: float
    drawing: Drawing
    lines: tuple[Line, ...]
    terms: tuple[Term, ...]
    next: Handover | None
    gap_today: bool
    recorded: bool


@dataclass(frozen=True)
class Asked:
    """What a form was sent with, to be shown again."""

    pairing: str = ""
    from_: str = ""
    last: str = ""
    people: str = ""
    staff: str = ""
    persons: str = ""


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the routes of the page and its two forms."""
    router = APIRouter(include_in_schema=False)

    def shown(
        name: str, year: int, problem: str = "", asked: Asked | None = None, done: str = ""
    ) -> HTMLResponse:
        document, roster = _document(house, name), house.world.rosters[name]
        with reading(house.engine) as session:
            terms = shifts.standing(session, house.world)
        found = sheets(document, roster, terms, date(year, 1, 1), date(year, 12, 31))
        listed = [_shown(sheet, roster, year, house.today, terms) for sheet in found]
        known = [one for one in listed if one.recorded]
        named = {one.id: _name(roster, one) for one in roster.pairings}
        return pages.page(
            "shifts.html",
            status=422 if problem else 200,
            here="/shifts",
            document=document,
            documents=_documents(house),
            year=year,
            years=_years(document, year, house.today),
            known=known,
            unknown=[one for one in listed if not one.recorded],
            gaps=sum(one.gap_today for one in known),
            covered=sum(one.percent == 100 for one in known),
            pairings=named,
            problem=problem,
            asked=asked or Asked(),
            done=done,
            bounds=(f"{FIRST}-01-01", f"{LAST}-12-30"),
        )

    @router.get("/shifts")
    def page(document: str = "", year: int | None = None, done: str = "") -> Response:
        names = _documents(house)
        if not names:
            raise HTTPException(404)
        name = document or _liveliest(house, names)
        found = _document(house, name)
        wanted = year if year is not None else _year(found, house.today)
        if not FIRST <= wanted <= LAST:
            raise HTTPException(404)
        return shown(name, wanted, done=_DONE.get(done, ""))

    @router.post("/shifts")
    def add(
        document: Annotated[str, Form(max_length=TEXT)],
        year: Annotated[int, Form(ge=FIRST, le=LAST)],
        pairing: Annotated[str, Form(max_length=TEXT)] = "",
        first: Annotated[str, Form(max_length=TEXT)] = "",
        last: Annotated[str, Form(max_length=TEXT)] = "",
        people: Annotated[str, Form(max_length=TEXT)] = "",
        staff: Annotated[str, Form(max_length=TEXT)] = "",
        persons: Annotated[str, Form(max_length=TEXT)] = "",
    ) -> Response:
        _document(house, document)
        asked = Asked(pairing, first, last, people, staff, persons)
        try:
            entry = _entry(document, asked, house.world.rosters[document])
            with writing(house.engine) as session:
                shifts.add(session, [entry], house.now(), "admin", house.world)
        except Refused as refused:
            hint = f"（{refused.hint}）" if refused.hint else ""
            return shown(document, year, f"{refused.message}{hint}。没有登记。", asked)
        return RedirectResponse(f"/shifts?document={document}&year={year}&done=added", 303)

    @router.post("/shifts/{number}/withdraw")
    def withdraw(
        number: int,
        document: Annotated[str, Form(max_length=TEXT)],
        year: Annotated[int, Form(ge=FIRST, le=LAST)],
        reason: Annotated[str, Form(max_length=TEXT)] = "",
    ) -> Response:
        _document(house, document)
        try:
            with writing(house.engine) as session:
                shifts.withdraw(session, number, reason, house.now(), "admin", house.world)
        except Refused as refused:
            return shown(document, year, f"{refused.message}。没有撤回。")
        return RedirectResponse(f"/shifts?document={document}&year={year}&done=withdrawn", 303)

    return router


_DONE = {"added": "已登记。", "withdrawn": "已撤回，原来的登记留在记录里。"}


def _documents(house: House) -> dict[str, str]:
    """Return the documents that have pairings, with what they are called."""
    world = house.world
    return {
        name: document.number or document.title
        for name, document in sorted(world.documents.items())
        if world.rosters[name].pairings
    }


def _liveliest(house: House, names: dict[str, str]) -> str:
    """Return the document with the most terms recorded; of those without any the first."""
    with reading(house.engine) as session:
        terms = shifts.standing(session, house.world)
    counts = {name: sum(term.document == name for term in terms) for name in names}
    rotating = {
        name: any(duty.kind == "rotation" for duty in house.world.documents[name].obligations)
        for name in names
    }
    return max(names, key=lambda name: (counts[name], rotating[name]))


def _document(house: House, name: str) -> Document:
    found = house.world.documents.get(name)
    if found is None or not house.world.rosters[name].pairings:
        raise HTTPException(404)
    return found


def _year(document: Document, today: date) -> int:
    """Return this year, or the nearest one in which the document holds."""
    last = document.ends.year if document.ends else today.year
    return min(max(today.year, document.binds_from.year), last)


def _years(document: Document, shown: int, today: date) -> list[int]:
    last = document.ends.year if document.ends else max(today.year + 1, document.binds_from.year)
    return sorted({*range(document.binds_from.year, last + 1), shown})


def _name(roster: Roster, pairing: Pairing) -> str:
    named = roster.institutions
    return f"{named[pairing.supporter].name} → {named[pairing.recipient].name}"


def _shown(
    sheet: Sheet, roster: Roster, year: int, today: date, terms: tuple[Term, ...]
) -> Shown:
    pairing, named = sheet.pairing, roster.institutions
    mine = [
        term
        for term in terms
        if (term.document, term.supporter, term.recipient)
        == (roster.document, pairing.supporter, pairing.recipient)
    ]
    return Shown(
        pairing.id,
        named[pairing.supporter].name,
        named[pairing.recipient].name,
        sheet.percent,
        drawing(sheet, year, today),
        tuple(lines(sheet.findings, today)),
        sheet.terms,
        next_handover(mine, today),
        any(term.from_ <= today for term in mine)
        and any(f.what == "gap" and f.enforced and f.from_ <= today < f.until for f in sheet.findings),
        bool(mine),
    )


def _entry(document: str, asked: Asked, roster: Roster) -> shifts.Entry:
    """Return what a form asks to record; Refused where a field cannot be read."""
    pairing = next((one for one in roster.pairings if one.id == asked.pairing), None)
    if pairing is None:
        raise Refused("没有选帮扶关系", "从列表里选一对")
    days = [_day(text, what) for text, what in ((asked.from_, "起日"), (asked.last, "最后一天"))]
    if not asked.people.strip().isascii() or not asked.people.strip().isdigit():
        raise Refused("人数不是整数", "只写数字，如 5")
    persons = asked.persons.replace("，", "、").replace(",", "、").replace(" ", "、")
    return shifts.Entry(
        document,
        pairing.supporter,
        pairing.recipient,
        days[0],
        days[1] + DAY,
        int(asked.people[:9]),
        asked.staff.strip(),
        tuple(part.strip() for part in persons.split("、") if part.strip()),
    )


def _day(text: str, what: str) -> date:
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        raise Refused(f"{what}没有写，或写法不对", "写作 2026-03-01") from None
    if not FIRST <= found.year <= LAST or found == date(LAST, 12, 31):
        raise Refused(f"{what}的年份从 {FIRST} 到 {LAST}", "核对年份")
    return found
