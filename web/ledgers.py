"""The 台账 of one authority: who below it has reported, behind the link of its mail, to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from notifications import links
from scheduler.matrix import Matrix, matrix, only
from scheduler.refusals import Refused
from scheduler.store import reading
from scheduler.world import World
from web import ledger, queries
from web.acting import Actor, Refusal, acting
from web.house import House
from web.ledger import Asked, Choice
from web.rendering import Pages, no_link

EVERYBODY = None


def visible(world: World, institution: str) -> dict[str, frozenset[str] | None]:
    """Return, by document, whose reports an authority sees: its own and those below it.

    Who issued a document sees everybody's (None), and so does its office. Documents in which it
    has no place are left out.
    """
    found: dict[str, frozenset[str] | None] = {}
    for document, roster in world.rosters.items():
        one = roster.institutions.get(institution)
        body = one.parent if one and one.kind == "office" and one.parent else institution
        if document in world.documents and body in world.documents[document].issuers:
            found[document] = EVERYBODY
        elif body in roster.institutions:
            under = {each for each in roster.institutions if body in roster.above(each)}
            found[document] = frozenset({institution, body} | under)
    return {document: found[document] for document in world.documents if document in found}


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the routes of an authority's 台账."""
    router = APIRouter(include_in_schema=False)

    def refused(refusal: Refusal) -> HTMLResponse:
        return no_link(pages, refusal.status, house.settings.admin_email or "", "这份台账")

    @router.get("/ledgers/{institution}")
    def page(
        request: Request, institution: str, document: str = "", period: str = "", state: str = "",
        city: str = "", obligation: str = "",
    ) -> HTMLResponse:  # fmt: skip
        try:
            actor = looking(house, request, institution)
        except Refusal as refusal:
            return refused(refusal)
        seen = visible(house.world, institution)
        values: dict[str, Any] = {"signed_in": actor.admin, "actor": actor, "below": house.name(institution)}
        asked = Asked(document, period, state, city, obligation)
        with reading(house.engine) as session:
            seen = {d: whose for d, whose in seen.items() if queries.periods(session, d, whose)}
            if not seen:
                return pages.page("ledger.html", whole=None, **values)
            asked, choices, whole = _read(session, house, asked, seen)
        return pages.page(
            "ledger.html",
            **ledger.shown(house, whole, asked, choices, seen),
            **values,
            place=f"/ledgers/{institution}",
            reminded="",
        )

    @router.get("/ledgers/{institution}/book.xlsx")
    def book(
        request: Request, institution: str, document: str = "", period: str = ""
    ) -> Response:
        try:
            looking(house, request, institution)
        except Refusal as refusal:
            return refused(refusal)
        seen = visible(house.world, institution)
        if not seen:
            return refused(Refusal(403))
        with reading(house.engine) as session:
            asked, _, whole = _read(session, house, Asked(document, period), seen)
        return ledger.exported(whole, asked)

    return router


def looking(house: House, request: Request, institution: str) -> Actor:
    """Return who looks at an authority's 台账; raises Refusal for a link that is not good for it."""
    actor = acting(house, request, links.ledger(institution))
    if not actor.admin and actor.institution != institution:
        raise Refusal(403)
    return actor


def _read(
    session: Session, house: House, asked: Asked, seen: Mapping[str, frozenset[str] | None]
) -> tuple[Asked, list[Choice], Matrix]:
    """Return what is shown; what there is not any more gives way to what is being asked for."""
    document = asked.document if asked.document in seen else next(iter(seen))
    whose = seen[document]
    choices, current = ledger.periods(queries.periods(session, document, whose), house.today)
    period = asked.period.strip() or current
    try:
        whole = matrix(session, house.world, document, house.now(), period or None)
    except Refused:
        period = current
        whole = matrix(session, house.world, document, house.now(), period or None)
    whole = whole if whose is EVERYBODY else only(whole, whose)
    return replace(asked, document=document, period=period), choices, whole
