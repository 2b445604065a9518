"""Recording from an item's page: a button opens a confirmation, and only a person can pass that.

Mail scanners open links and some submit forms. So the button's form changes nothing, and the
confirmation wants the office that acts and two digits that stand on the page in words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime

from anyio import to_thread
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session
from starlette.datastructures import FormData, UploadFile

from notifications import wording
from scheduler import evidence
from scheduler.occurrences import Occurrence
from scheduler.recording import Refused, Statement, record
from scheduler.rows import decode
from scheduler.store import reading, writing
from scheduler.tables import StoredOccurrence
from web import queries, requests
from web.acting import Actor, Refusal, acting
from web.acts import ACTS, Act, offered
from web.house import House
from web.rendering import Pages, no_link

FIELDS = 30
TEXT = 500  # characters of a reason, an office, an address
OFFICE = re.compile(r".*[\u4e00-\u9fff].*", re.DOTALL)
TRAP = "website"  # hidden from people; whatever fills it in is no person


@dataclass
class Filled:
    """What a confirmation was filled in with, and what is wrong with it."""

    words: dict[str, str]
    file: tuple[str, bytes] | None = None
    wrong: dict[str, str] = field(default_factory=dict)

    def word(self, name: str) -> str | None:
        """Return a field's text, None where it was left empty."""
        return self.words.get(name) or None

    def day(self, name: str) -> date | None:
        """Return a field's day; what is none is noted as wrong."""
        text = self.word(name)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            self.wrong[name] = "请写成 2026-03-20 这样的日期"
            return None


def routes(house: House, pages: Pages) -> APIRouter:
    """Return the route behind the buttons of an item's page."""
    router = APIRouter(include_in_schema=False)

    @router.post("/act/{key:path}")
    async def act(key: str, request: Request) -> Response:
        # Who it is is known before anything is read of what they send.
        try:
            actor = await to_thread.run_sync(acting, house, request, key)
        except Refusal as refusal:
            return no_link(pages, refusal.status, house.settings.admin_email or "")
        async with request.form(max_files=1, max_fields=FIELDS) as form:
            filled = await _filled(form)
        return await to_thread.run_sync(answer, key, actor, filled)

    def answer(key: str, actor: Actor, filled: Filled) -> Response:
        now = house.now()
        with reading(house.engine) as session:
            row = queries.stored(session, key)
            kinds = [fact.kind for fact in queries.facts(session, key) if not fact.superseded_by]
        if row is None:
            raise HTTPException(404)
        one = decode(row.body)
        found = ACTS.get(filled.words.get("act", ""))
        if found is None or found not in offered(actor, one, row.status, house, kinds):
            return _not_now(actor, one)
        if "confirmed" not in filled.words:
            return _confirmation(actor, one, row, found, Filled({}))
        _check(found, actor, one, filled)
        if not filled.wrong:
            try:
                with writing(house.engine) as session:
                    _carry_out(session, found, actor, one, filled, now)
            except Refused as refusal:
                filled.wrong["all"] = refusal.message + (
                    f"。{_plain(refusal.hint)}" if refusal.hint else ""
                )
        if filled.wrong:
            return _confirmation(actor, one, row, found, filled)
        query = actor.query
        return RedirectResponse(f"/items/{key}{query}{'&' if query else '?'}done={found.name}", 303)

    def _check(found: Act, actor: Actor, one: Occurrence, filled: Filled) -> None:
        said = filled.words
        if said.get(TRAP):
            filled.wrong["all"] = "这次提交像是程序填的，没有登记。请空着不让填的那一格"
        office = said.get("office", "")
        if not OFFICE.fullmatch(office) or len(office) > 40:
            filled.wrong["office"] = "请写经办的处室，如：医务科"
        if not actor.admin and said.get("day", "") != digits(one, house.today):
            filled.wrong["day"] = "与上面写的日子不符，请照着写两位数字"
        for name in found.must:
            if not said.get(name):
                filled.wrong[name] = "这一格要填"
        for name in ("reason", "basis", "evidence"):
            if len(said.get(name, "")) > TEXT:
                filled.wrong[name] = f"最多 {TEXT} 字"
        if found.name == "evidence" and not filled.file and not said.get("evidence"):
            filled.wrong["file"] = "请选一个文件，或写下地址"
        until = filled.day("until")
        if found.name == "ask" and until and one.due and until <= max(one.due, house.today):
            filled.wrong["until"] = "请写比原定期限和今天都晚的日期"
        filled.day("on")

    def _carry_out(
        session: Session, found: Act, actor: Actor, one: Occurrence, filled: Filled, now: datetime
    ) -> None:
        by = actor.says(filled.words["office"])
        mention = filled.word("evidence")
        if filled.file:
            mention = evidence.store(session, *filled.file, now, by)
        if found.name == "ask":
            until = filled.day("until")
            assert until is not None
            words = filled.words["reason"]
            requests.ask(session, one.key, until, words, now, by, house.world)
        elif found.name == "evidence":
            assert mention is not None
            requests.hand_in(session, one.key, mention, now, by)
        else:
            number = filled.word("fact")
            said = Statement(
                one.key,
                found.name,
                on=filled.day("on"),
                until=filled.day("until"),
                reason=filled.word("reason"),
                basis=filled.word("basis"),
                evidence=mention,
                fact=int(number) if number and number.isdigit() else None,
            )
            record(session, said, now, by, house.world)

    def _confirmation(
        actor: Actor, one: Occurrence, row: StoredOccurrence, found: Act, filled: Filled
    ) -> Response:
        with reading(house.engine) as session:
            standing = [
                fact
                for fact in queries.facts(session, one.key)
                if not fact.superseded_by and fact.kind != "corrected"
            ]
        return pages.page(
            "act.html",
            status=422 if filled.wrong else 200,
            signed_in=actor.admin,
            actor=actor,
            who=actor.says(""),
            one=one,
            extended=row.extended_to,
            act=found,
            said=filled.words,
            wrong=defaultdict(str, filled.wrong),
            day=marked(one, house.today),
            trap=TRAP,
            facts=standing[::-1],
            allowed=evidence.ALLOWED,
        )

    def _not_now(actor: Actor, one: Occurrence) -> Response:
        return pages.page(
            "refused.html",
            status=409,
            signed_in=actor.admin,
            heading="现在不能这样登记",
            said="这一项的状态已经变了，或者这个链接没有这一项权限。没有改动任何东西。",
            advice="请回到这一项的页面，看它现在怎样。",
            back=f"/items/{one.key}{actor.query}",
        )

    return router


def marked(one: Occurrence, today: date) -> tuple[str, str, str]:
    """Return the day that a person copies two digits from, cut before and after them."""
    day = one.due or today
    return (
        f"{day.year}年{day.month}月",
        f"{day.day}",
        f"日（周{wording.WEEKDAYS[day.weekday()]}）",
    )


def digits(one: Occurrence, today: date) -> str:
    """Return the two digits that a confirmation wants: the day of the deadline, or of today."""
    return f"{(one.due or today).day:02}"


async def _filled(form: FormData) -> Filled:
    words: dict[str, str] = {}
    file: tuple[str, bytes] | None = None
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if value.filename:
                file = (value.filename, await value.read())
        elif name not in words:
            words[name] = value.strip()
    return Filled(words, file)


def _plain(hint: str) -> str:
    """Return a hint without the flags of the command line, which mean nothing on a page."""
    return re.sub(r"加上 --until YYYY-MM-DD|--\w+", "", hint).strip()
