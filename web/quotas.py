"""The pages of quotas: how far each window is fulfilled, and what was done, to add and withdraw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from config.cells import tidy
from notifications.wording import period as in_words
from notifications.wording import short_day
from scheduler import activities, recorded
from scheduler.activities import Done, Listed
from scheduler.aims import current, quotas_of
from scheduler.counting import STATES, State, pace
from scheduler.parties import Subject, subjects
from scheduler.quota_report import Line, counted, lines
from scheduler.refusals import Refused
from scheduler.store import reading, writing
from scheduler.world import World
from web import queries
from web.house import House
from web.rendering import Pages
from web.standing import Badge
from workflows.document import Document, Duty

TONES: dict[State, str] = {
    "upcoming": "calm", "on-pace": "wait", "behind": "soon", "met": "done", "short": "late",
    "over": "soon",
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """One window as a page shows it."""

    line: Line
    figure: str
    pace: str
    badge: Badge
    period: str
    span: str


@dataclass(frozen=True)
class Row:
    """One subject with its present windows, in the order of the columns."""

    subject: str
    name: str
    cells: tuple[Cell | None, ...]
    kept: bool

    @property
    def totals(self) -> list[tuple[Badge, int]]:
        """Return how many of its windows are in each state, the worst first."""
        return _totals([one for one in self.cells if one is not None])


@dataclass(frozen=True)
class Series:
    """A quota of one subject with the windows of a year, and how many are in each state."""

    duty: Duty
    cells: tuple[Cell, ...]
    counts: tuple[tuple[Badge, int], ...]


def cell(line: Line) -> Cell:
    """Return a window as a page shows it; one that is not enforced is never bad."""
    found, quota = line.tally, line.tally.window.quota
    owed = found.window.at_least
    most = f"至多{quota.at_most}" if owed is None and quota.at_most is not None else ""
    tone, word = TONES[found.state], STATES[found.state]
    if not quota.enforced and found.state in ("behind", "short"):
        tone, word = "calm", "只列不计"
    figure = f"{found.counted}/{owed}" if owed is not None else f"{found.counted}{most}"
    label = in_words(line.one.period) or f"{found.window.opens}起"
    years = found.window.opens.year != found.window.due.year
    span = "—".join(
        (f"{day.year}年" if years else "") + short_day(day)
        for day in (found.window.opens, found.window.due)
    )
    return Cell(line, figure, pace(found), Badge(tone, word), label, span)


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the routes of the quotas' pages."""
    router = APIRouter(include_in_schema=False)

    @router.get("/quotas")
    def overview(document: str = "") -> HTMLResponse:
        world, today = house.world, house.today
        choices = [
            (name, one.number or one.title)
            for name, one in world.documents.items()
            if quotas_of(one)
        ]
        known = [name for name, _ in choices]
        if document and document not in known:
            raise HTTPException(404)
        chosen = document
        if not document and known:
            with reading(house.engine) as session:
                chosen = queries.liveliest(session, queries.ACTIVITY_DOCUMENTS, known)
        duties: Sequence[Duty] = ()
        rows: list[Row] = []
        kept = 0
        if chosen:
            duties = quotas_of(world.documents[chosen])
            with reading(house.engine) as session:
                found = _now(session, world, chosen, today)
            rows = _rows(found, duties)
            kept = len({line.subject for line in found if line.kept})
        return pages.page(
            "quotas.html", here="/quotas", documents=choices, chosen=chosen, duties=duties,
            rows=rows, kept=kept, totals=_totals([c for r in rows for c in r.cells if c]),
        )  # fmt: skip

    @router.get("/quotas/{document}/{subject}")
    def one(document: str, subject: str, year: int | None = None) -> HTMLResponse:
        return _page(document, subject, year or house.today.year)

    @router.post("/quotas/{document}/{subject}")
    def add(
        document: str,
        subject: str,
        obligation: Annotated[str, Form(max_length=200)],
        on: Annotated[str, Form(max_length=40)],
        count: Annotated[str, Form(max_length=20)] = "1",
        item: Annotated[str, Form(max_length=400)] = "",
        evidence: Annotated[str, Form(max_length=400)] = "",
    ) -> Response:
        asked = {"obligation": obligation, "on": on, "count": count, "item": item,
                 "evidence": evidence}  # fmt: skip
        world = house.world
        found = _subject(world, document, subject)
        try:
            day, many = date.fromisoformat(tidy(on.strip())), int(count.strip() or "1")
        except ValueError:
            return _page(document, subject, None, "日期写作 2026-03-06，次数写整数。没有登记。", asked)
        pair = found.pairings[0] if len(found.pairings) == 1 else None
        done = Done(
            document, obligation, day,
            supporter=(pair[0].id or "") if pair else "",
            recipient=(pair[1].id or "") if pair else "",
            institution=found.id,
            count=many,
            item=item.strip() or None,
            evidence=evidence.strip() or None,
        )  # fmt: skip
        try:
            with writing(house.engine) as session:
                activities.record(session, done, house.now(), "admin", world)
        except Refused as refused:
            said = f"{refused.message}（{refused.hint}）" if refused.hint else refused.message
            return _page(document, subject, day.year, f"{said}。没有登记。", asked)
        return RedirectResponse(f"{_address(document, subject)}?year={day.year}#done", 303)

    @router.post("/quotas/{document}/{subject}/withdraw/{number}")
    def withdraw(
        document: str, subject: str, number: int, reason: Annotated[str, Form(max_length=300)] = ""
    ) -> Response:
        try:
            with writing(house.engine) as session:
                found = activities.find(session, number)
                if found is None or (found.document, found.subject) != (document, subject):
                    raise HTTPException(404)
                activities.withdraw(session, number, reason, house.now(), "admin", house.world)
        except Refused as refused:
            said = "撤回要写明理由。" if not reason.strip() else refused.message
            return _page(document, subject, None, f"{said}没有撤回。")
        return RedirectResponse(f"{_address(document, subject)}?year={found.on.year}#done", 303)

    def _page(
        document: str,
        subject: str,
        year: int | None,
        problem: str = "",
        asked: dict[str, str] | None = None,
    ) -> HTMLResponse:
        world, today = house.world, house.today
        found = _subject(world, document, subject)
        source = world.documents[document]
        first_year = source.binds_from.year
        year = min(max(year or today.year, first_year), 2200)
        first, last = date(year, 1, 1), date(year, 12, 31)
        with reading(house.engine) as session:
            some = _of_subject(session, world, source, subject, first, last, today)
            done = activities.listed(session, document, subject, first, last, withdrawn=True)
        duties = {duty.id: duty for duty in quotas_of(source)}
        own = [duty for duty in duties.values() if _has(world, source, duty, subject)]
        series = [
            Series(duty, cells, tuple(_totals(cells)))
            for duty in own
            if (cells := tuple(cell(line) for line in some if line.one.obligation == duty.id))
        ]
        return pages.page(
            "quota.html", status=422 if problem else 200, here="/quotas", document=source,
            subject=subject, name=_name(found), series=series, duties=own, year=year,
            years=[y for y in (year - 1, year + 1) if first_year <= y <= today.year + 1],
            address=_address(document, subject), problem=problem, asked=asked or {},
            done=_by_newest(done), titles={duty.id: duty.title for duty in duties.values()},
        )  # fmt: skip

    return router


def _now(session: Session, world: World, document: str, today: date) -> list[Line]:
    terms = recorded.records(session, [document])
    return counted(session, world, current(world, world.documents[document], today, terms), today)


def _of_subject(
    session: Session, world: World, document: Document, subject: str, first: date, last: date,
    today: date,
) -> list[Line]:  # fmt: skip
    """Return the windows of a subject that end in a span of days, or hold today."""
    pairing = subject if "." in subject else None
    far = max(last, document.ends or document.validity.core_until)
    found = lines(session, world, document.id, first, far, today, pairing=pairing)
    return [
        line
        for line in found
        if line.subject == subject
        and (line.tally.window.due <= last or line.tally.window.quota.per == "whole")
    ]


def _subject(world: World, document: str, subject: str) -> Subject:
    source = world.documents.get(document)
    for duty in quotas_of(source) if source else ():
        for one in subjects(world.documents[document], world.rosters[document], duty):
            if one.id == subject:
                return one
    raise HTTPException(404)


def _has(world: World, document: Document, duty: Duty, subject: str) -> bool:
    return any(one.id == subject for one in subjects(document, world.rosters[document.id], duty))


def _name(subject: Subject) -> str:
    if "." in subject.id:
        supporter, recipient = subject.pairings[0]
        return f"{supporter.name} → {recipient.name}"
    return _directed(subject.responsible.name, subject.about.name if subject.about else None)


def _directed(who: str, about: str | None) -> str:
    return f"{who} → {about}" if about else who


def _rows(found: Sequence[Line], duties: Sequence[Duty]) -> list[Row]:
    by_subject: dict[str, dict[str, Line]] = {}
    for line in found:
        by_subject.setdefault(line.subject, {})[line.one.obligation] = line
    order = [duty.id for duty in duties]
    rows = []
    for subject, own in by_subject.items():
        line = next(iter(own.values()))
        one = line.one
        name = _directed(one.responsible.name, line.about)
        if line.paired:
            name = f"{one.pairings[0][0].name} → {one.pairings[0][1].name}"
        cells = tuple(cell(own[name]) if name in own else None for name in order)
        rows.append(Row(subject, name, cells, any(line.kept for line in own.values())))
    # Those who keep records first: of the others nothing is known.
    return sorted(rows, key=lambda row: (not row.kept, "." not in row.subject))


def _totals(cells: Sequence[Cell]) -> list[tuple[Badge, int]]:
    """Return how many windows are in each state, the worst first."""
    counts: dict[Badge, int] = {}
    for one in cells:
        counts[one.badge] = counts.get(one.badge, 0) + 1
    order = ("late", "soon", "wait", "done", "calm")
    return sorted(counts.items(), key=lambda pair: order.index(pair[0].tone))


def _by_newest(done: Sequence[Listed]) -> list[Listed]:
    return sorted(done, key=lambda one: (one.on, one.id), reverse=True)


def _address(document: str, subject: str) -> str:
    return f"/quotas/{quote(document)}/{quote(subject)}"
