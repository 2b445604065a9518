"""The pages of the documents: what each demands, what is standing, what stays unresolved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse

from config.roster import Roster
from scheduler.store import reading
from web import queries
from web.house import House
from web.queries import Ahead
from web.rendering import Pages
from web.sheets import has_sheet
from workflows.document import Document, Duty
from workflows.kinds import EventRule

SECTIONS = (
    ("限期报送与办理", ("once", "recurring", "fuzzy")),
    ("遇事即办", ("event",)),
    ("频次要求", ("quota",)),
    ("轮换驻点", ("rotation",)),
    ("目标与实施时段", ("target", "window")),
    ("常态事项", ("standing",)),
)


@dataclass(frozen=True)
class Described:
    """One applied document in a list."""

    id: str
    number: str | None
    title: str
    issuers: str
    issued: date | None
    differs: bool
    obligations: int
    standing: int
    pairings: int
    unresolved: int


@dataclass(frozen=True)
class Line:
    """One obligation on its document's page; ``address`` is that of its next occurrence."""

    duty: Duty
    role: str
    assisting: str
    recipients: str
    dated: bool
    many: int
    first: date | None
    word: str | None
    when: str | None
    address: str | None


def described(house: House) -> list[Described]:
    """Return the applied documents, in the order of their ids."""
    world, differing = house.world, house.differing()
    return [
        Described(
            id=name,
            number=document.number,
            title=document.title,
            issuers=_issuers(document, world.rosters[name]),
            issued=document.issued,
            differs=name in differing,
            obligations=len(document.obligations),
            standing=sum(kind(duty) == "standing" for duty in document.obligations),
            pairings=len(world.rosters[name].pairings),
            unresolved=len(document.unresolved)
            + sum(role.unresolved is not None for role in document.roles.values()),
        )
        for name, document in sorted(world.documents.items())
    ]


def kind(duty: Duty) -> str:
    """Return an obligation's kind."""
    found: str = duty.kind  # type: ignore[attr-defined]
    return found


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the routes of the documents' pages."""
    router = APIRouter(include_in_schema=False)

    @router.get("/documents")
    def documents() -> HTMLResponse:
        return pages.page("documents.html", here="/documents", documents=described(house))

    @router.get("/documents/{name}")
    def document(name: str) -> HTMLResponse:
        found = house.world.documents.get(name)
        if found is None:
            raise HTTPException(404)
        roster = house.world.rosters[name]
        with reading(house.engine) as session:
            ahead = queries.ahead(session, name, house.today)
            keys = queries.next_keys(session, name, ahead)
        groups = [
            (
                title,
                [
                    _line(found, duty, ahead.get(duty.id), keys.get(duty.id))
                    for duty in found.obligations
                    if kind(duty) in kinds
                ],
            )
            for title, kinds in SECTIONS
        ]
        return pages.page(
            "document.html",
            here="/documents",
            document=found,
            issuers=_issuers(found, roster),
            pairings=len(roster.pairings),
            differs=name in house.differing(),
            groups=[(title, lines) for title, lines in groups if lines],
            unresolved_roles=[role for role in found.roles.values() if role.unresolved],
            has_sheet=has_sheet(house, name),
        )

    return router


def _line(document: Document, duty: Duty, ahead: Ahead | None, key: str | None) -> Line:
    def named(roles: tuple[str, ...]) -> str:
        return "、".join(document.roles[role].name for role in roles)

    rule = duty.rule  # type: ignore[attr-defined]
    return Line(
        duty=duty,
        role=document.roles[duty.responsible].name,
        assisting=named(duty.assisting),
        recipients=named(duty.recipients),
        dated=kind(duty) not in ("standing", "event"),
        many=ahead.many if ahead else 0,
        first=ahead.first if ahead else None,
        word=rule.word if kind(duty) == "standing" else None,
        when=_when(rule) if isinstance(rule, EventRule) else None,
        address=f"/items/{key}" if key else None,
    )


def _when(rule: EventRule) -> str:
    within = f"{rule.respond_within} 个工作日内（这是本系统的约定，不是原文的）"
    return f"{rule.when}：登记后 {within}"


def _issuers(document: Document, roster: Roster) -> str:
    named = roster.institutions
    return "、".join(named[one].name if one in named else one for one in document.issuers)
