"""The page of a pairing's self-check sheet, and its workbook."""

from __future__ import annotations

from datetime import date
from urllib.parse import quote

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, Response

from config.roster import Pairing, Roster
from scheduler.loading import folders
from scheduler.sheet_records import drafted
from scheduler.store import reading
from web.house import House
from web.rendering import Pages
from web.sheet_book import as_book
from web.sheet_view import SheetPage, values
from workflows.document import Document
from workflows.sheet import SHEETS, Sheet, beside, read_sheet

BOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def has_sheet(house: House, document: str) -> bool:
    """Return whether an applied document has a scoring sheet."""
    return document in house.world.documents and _sheet(house, house.world.documents[document]) is not None


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the routes of the sheets."""
    router = APIRouter(include_in_schema=False)

    @router.get("/sheet")
    def page(document: str, pairing: str = "", year: int | None = None) -> HTMLResponse:
        found = _found(house, document, pairing, year)
        roster = house.world.rosters[document]
        return pages.page(
            "sheet.html",
            here="/documents",
            pairings=[(one.id, _name(roster, one)) for one in roster.pairings],
            years=_years(house, house.world.documents[document]),
            **values(found),
        )

    @router.get("/sheet.xlsx")
    def book(document: str, pairing: str = "", year: int | None = None) -> Response:
        found = _found(house, document, pairing, year)
        name = quote(f"{found.name}.xlsx")
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
        return Response(as_book(found), media_type=BOOK, headers=headers)

    return router


def _sheet(house: House, document: Document) -> Sheet | None:
    own = beside(house.settings.workflows)
    return read_sheet(folders(own, SHEETS), document)[0]


def _found(house: House, name: str, wanted: str, year: int | None) -> SheetPage:
    """Return the draft; without a pairing or a year that of the first, and of this one."""
    world = house.world
    document = world.documents.get(name)
    sheet = _sheet(house, document) if document else None
    if document is None or sheet is None:
        raise HTTPException(404)
    roster = world.rosters[name]
    pairing = next((one for one in roster.pairings if wanted in ("", one.id)), None)
    year = year or min(max(house.today.year, document.binds_from.year), _years(house, document)[-1])
    if pairing is None:
        raise HTTPException(404)
    with reading(house.engine) as session:
        scored = drafted(session, sheet, world, pairing, year, house.now())
    if scored is None:
        raise HTTPException(404)
    supporter, recipient = (
        (one, roster.institutions[one].name) for one in (pairing.supporter, pairing.recipient)
    )
    return SheetPage(scored, document.title, name, supporter, recipient, pairing.id, year)


def _name(roster: Roster, pairing: Pairing) -> str:
    named = roster.institutions
    return f"{named[pairing.supporter].name} 支援 {named[pairing.recipient].name}"


def _years(house: House, document: Document) -> list[int]:
    last = document.ends or date(house.today.year, 12, 31)
    return list(range(document.binds_from.year, max(last.year, document.binds_from.year) + 1))
