"""The page of one item: what, by when, to whom, how, on which clause, and what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse

from notifications import wording
from notifications.listing import STATES
from scheduler.ladder import climbs, steps
from scheduler.occurrences import Occurrence
from scheduler.rows import decode
from scheduler.store import reading
from scheduler.tables import Fact, Message, Notice
from web import queries
from web.house import House
from web.rendering import ROLES, Pages
from web.standing import badge

FACTS = {
    "completed": "登记办结",
    "waived": "登记免报",
    "acknowledged": "登记已知悉",
}
TARGETS = {"responsible": "联络员", "coordinator": "上级协调员", "issuer": "发文机关"}


@dataclass(frozen=True)
class Line:
    """One line of an item's history; ``ahead``: it has not happened yet."""

    at: datetime
    what: str
    detail: str = ""
    ahead: bool = False


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the route of the items' pages."""
    router = APIRouter(include_in_schema=False)

    @router.get("/items/{key:path}")
    def item(key: str) -> HTMLResponse:
        with reading(house.engine) as session:
            row = queries.stored(session, key)
            if row is None:
                raise HTTPException(404)
            touched = queries.touched(session, key)
            told = queries.notices(session, key)
            facts = queries.facts(session, key)
        one = decode(row.body)
        names = house.institutions()
        relations = sorted(touched.items(), key=lambda pair: list(wording.RELATIONS).index(pair[1]))
        return pages.page(
            "item.html",
            one=one,
            heading=" · ".join(
                part
                for part in (one.responsible.name, one.number or "", wording.period(one.period))
                if part
            ),
            badge=badge(one, row.status, house.today, house.world.workdays),
            history=sorted(
                [
                    *(_notice(notice, message, names) for notice, message in told),
                    *(_fact(fact) for fact in facts),
                    *_ahead(house, one, row.status, {notice.rung for notice, _ in told}),
                ],
                key=lambda line: line.at,
            ),
            reminded=climbs(one),
            touched=[
                (names.get(name, name), _RELATIONS[relation])
                for name, relation in relations
                if relation != "concerned"
            ],
            concerned=[names.get(name, name) for name, how in relations if how == "concerned"],
        )

    return router


_RELATIONS = {"responsible": "负责", "assisting": "配合", "receiver": "接收"}


def _notice(notice: Notice, message: Message | None, names: dict[str, str]) -> Line:
    to = names.get(notice.institution, notice.institution) + ROLES.get(notice.role, "")
    if message is None:
        outcome = notice.reason or "到时间再写成邮件"
    else:
        outcome = STATES[message.state] + (f"：{message.reason}" if message.reason else "")
    parts = [f"送 {to}" if notice.recipient else "", outcome, notice.note or ""]
    at = message.finished_at if message and message.finished_at else notice.release_at
    return Line(at, wording.rung_name(notice.rung), " · ".join(part for part in parts if part))


def _fact(fact: Fact) -> Line:
    parts = [
        f"办结日 {wording.day(fact.on)}" if fact.on else "",
        f"到 {wording.day(fact.until)}以前不提醒" if fact.until else "",
        fact.reason or "",
        f"依据 {fact.basis}" if fact.basis else "",
        f"凭证 {fact.evidence}" if fact.evidence else "",
        "已更正" if fact.superseded_by else "",
    ]
    what = FACTS.get(fact.kind, fact.kind)
    return Line(fact.recorded_at, what, " · ".join(part for part in parts if part))


def _ahead(house: House, one: Occurrence, status: str, planned: set[str]) -> list[Line]:
    if status not in ("open", "acknowledged"):
        return []
    now = house.now()
    return [
        Line(
            step.at,
            wording.rung_name(step.rung),
            f"给{TARGETS[step.to]}；届时已登记办结的不再发",
            ahead=True,
        )
        for step in steps(one, house.world.workdays, house.base.timezone)
        if step.at > now and step.rung not in planned
    ]
