"""The page of one item: what, by when, to whom, how, on which clause, what happened, what to do."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from notifications import wording
from notifications.stationed import first_day, is_gap, is_handover, is_term, when
from scheduler import queries as store_queries
from scheduler.facts import standing
from scheduler.ladder import climbs
from scheduler.occurrences import Occurrence
from scheduler.postponing import postponed
from scheduler.rows import decode
from scheduler.store import reading
from web import evidence, history, queries, requests
from web.acting import Refusal, acting
from web.acts import ACTS, offered
from web.house import House
from web.rendering import Pages, no_link
from web.requests import Asked
from web.standing import badge

_RELATIONS = {"responsible": "负责", "assisting": "配合", "receiver": "接收"}


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the route of the items' pages."""
    router = APIRouter(include_in_schema=False)

    @router.get("/items/{key:path}")
    def item(request: Request, key: str, done: str = "") -> HTMLResponse:
        try:
            actor = acting(house, request, key)
        except Refusal as refusal:
            return no_link(pages, refusal.status, house.settings.admin_email or "")
        with reading(house.engine) as session:
            row = queries.stored(session, key)
            if row is None:
                raise HTTPException(404)
            touched = queries.touched(session, key)
            told = queries.notices(session, key)
            facts = queries.facts(session, key)
            asked = requests.asked(session, key)
            handed_in = requests.handed_in(session, key)
            pieces = evidence.pieces(session, key)
            counting = store_queries.facts(session, [key]).get(key, [])
        one, today, workdays = decode(row.body), house.today, house.world.workdays
        said = standing(counting, today, row.status == "history")
        now_due = postponed(one, said.extended_to, workdays)
        names = house.institutions()
        relations = sorted(touched.items(), key=lambda pair: list(wording.RELATIONS).index(pair[1]))
        kinds = {fact.kind for fact in facts if not fact.superseded_by and fact.kind != "corrected"}
        return pages.page(
            "item.html",
            signed_in=actor.admin,
            actor=actor,
            one=one,
            ends=now_due,
            stationed=_stationed(one),
            said=said,
            heading=" · ".join(
                part
                for part in (one.responsible.name, one.number or "", wording.period(one.period))
                if part
            ),
            badge=badge(one, row.status, said, today, workdays),
            acts=offered(actor, one, row.status, house, kinds),
            done=ACTS[done].past if done in ACTS else "",
            asked=_open_wish(asked, said.extended_to, row.status),
            pieces=pieces,
            history=history.lines(house, now_due, row.status, told, facts, asked, handed_in),
            reminded=climbs(one),
            touched=[
                (names.get(name, name), _RELATIONS[relation])
                for name, relation in relations
                if relation != "concerned"
            ],
            concerned=[names.get(name, name) for name, how in relations if how == "concerned"],
        )

    return router


def _stationed(one: Occurrence) -> tuple[str, date] | None:
    """Return what the day of a term, a handover or a gap is, and the day; None for all others."""
    if one.due is None or not (is_term(one) or is_handover(one) or is_gap(one)):
        return None
    return ("最后一天" if is_term(one) else when(one, False)), first_day(one, one.due)


def _open_wish(asked: list[Asked], extended_to: date | None, status: str) -> Asked | None:
    """Return the newest wish for more time that nothing has been said to yet."""
    if not asked or status not in queries.UNDONE:
        return None
    newest = asked[-1]
    return None if extended_to and extended_to >= newest.until else newest
