"""A small house for tests: one document, two hospitals, their city, and whoever is reachable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select
from sqlmodel import Session

from scheduler import applying, queries, store
from scheduler.loading import Loaded, from_texts
from scheduler.proposing import Candidates, Proposal, applied_world, candidates, propose
from scheduler.tables import Notice
from scheduler.tick import TickReport, tick
from scheduler.world import World
from workflows.library import bundled_workdays

ZONE = ZoneInfo("Asia/Shanghai")
WORKDAYS = bundled_workdays()

WORKFLOW = """\
id: pair-2025
number: 某卫发〔2025〕1号
title: 结对帮扶通知
issuers: [ju]
issued: 2025-01-10
validity:
  core_until: 2028-12-31
  clause: 二
  phrase: 到2028年底
roles:
  supporter: {name: 支援医院, side: supporter}
  recipient: {name: 受援医院, side: recipient}
  city: {name: 所在市主管部门, side: recipient, take: authority}
  bureau: {name: 省局, institution: ju}
  unnamed: {name: 有关单位, words: 有关单位, unresolved: 原文没有列出}
obligations:
  - id: plan
    title: 报送工作方案
    kind: once
    clauses: [三]
    phrase: 2026年3月20日前报送
    per: pairing
    responsible: supporter
    assisting: [recipient]
    recipients: [bureau]
    rule: {on: 2026-03-20}
  - id: progress
    title: 报送进展表
    kind: recurring
    clauses: [四]
    phrase: 每年6月20日、11月10日前
    per: institution
    responsible: city
    recipients: [bureau]
    rule:
      dates:
        - {id: jun, on: '06-20'}
        - {id: nov, on: '11-10'}
  - id: unknown
    title: 有关单位报送
    kind: once
    clauses: [五]
    phrase: 2026年4月10日前
    per: document
    responsible: unnamed
    rule: {on: 2026-04-10}
  - id: lecture
    title: 每月讲座
    kind: quota
    clauses: [六]
    phrase: 每月至少1次
    per: pairing
    responsible: supporter
    rule: {per: month, at_least: 1, unit: 次}
  - id: contacts
    title: 联系人变动报送
    kind: event
    clauses: [七]
    phrase: 如有变动及时报送
    per: institution
    responsible: city
    rule: {when: 联系人变动}
"""

INSTITUTIONS = (
    "id,name,kind,type,city,county,authority,direct,government,parent,aliases,canonical,"
    "inferred,note\n"
    "ju,省局,authority,,,,,,,,,,,\n"
    "shi,甲市卫健委,authority,,,,ju,,,,,,,\n"
    "da,甲市人民医院,hospital,,甲市,,shi,,,,,,,\n"
    "xiao,乙县人民医院,hospital,,甲市,,shi,,,,,,,\n"
    "xiao2,丙县人民医院,hospital,,甲市,,shi,,,,,,,\n"
)
PAIRINGS = (
    "id,supporter,recipient,clause,needs,programme,from,until,note\n"
    "da.xiao,da,xiao,附件第1行,,,,,\n"
)
MEMBERS = "group,institution,programme,from,until,clause,inferred\n"
TABLES = {"institutions.csv": INSTITUTIONS, "pairings.csv": PAIRINGS, "members.csv": MEMBERS}

PLAN = "pair-2025/plan/da.xiao/once"
JUNE = "pair-2025/progress/shi/2026-jun"


def at(text: str) -> datetime:
    """Return a local instant such as ``2026-03-06 09:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def loaded(workflow: str = WORKFLOW, tables: dict[str, str] | None = None) -> Loaded:
    """Return a document and its roster as the files would give them."""
    document, roster = from_texts(workflow, tables or TABLES)
    texts = {document.id: (workflow, tables or TABLES)}
    return Loaded({document.id: document}, {document.id: roster}, WORKDAYS, (), texts)


def found(workflow: str = WORKFLOW, tables: dict[str, str] | None = None) -> Candidates:
    """Return an edited document as candidates for a plan."""
    document, _ = from_texts(workflow, tables or TABLES)
    return candidates({document.id: (workflow, tables or TABLES)})


BASE = World({}, {}, WORKDAYS, placeholders=True)


class House:
    """A store in which the document was adopted on a day, with a clock that is given."""

    def __init__(self, folder: Path, adopted: str, base: World = BASE, url: str = "") -> None:
        self.engine: Engine = store.connect(
            url or f"sqlite:///{folder / 'duban.db'}", durable=False
        )
        store.migrate(self.engine)
        self.base = base
        self.known: tuple[int, World] | None = None
        with store.writing(self.engine) as session:
            applying.adopt_bundled(session, loaded(), at(adopted), base)

    @property
    def world(self) -> World:
        with store.reading(self.engine) as session:
            version = queries.newest_version(session)
            if self.known is None or self.known[0] != version:
                self.known = version, applied_world(session, self.base)
        return self.known[1]

    def tick(self, when: str | datetime) -> TickReport:
        now = at(when) if isinstance(when, str) else when
        with Session(self.engine) as session:
            return tick(session, now, self.world)

    def edit(self, candidate: Candidates, when: str) -> Proposal:
        """Apply an edit and return what it did."""
        with store.writing(self.engine) as session:
            proposal = propose(session, candidate, at(when), self.base)
            applying.carry_out(session, proposal, at(when), "测试")
        return proposal

    def proposal(self, candidate: Candidates, when: str) -> Proposal:
        with store.reading(self.engine) as session:
            return propose(session, candidate, at(when), self.base)

    def notices(self, key: str | None = None) -> list[Notice]:
        """Return the notices, or those of a key, in the order in which they were planned."""
        query = select(Notice).order_by(queries.NOTICES.c.id)
        if key:
            query = query.where(queries.NOTICES.c.key == key)
        with store.reading(self.engine) as session:
            return list(session.execute(query).scalars())

    def rungs(self, key: str) -> list[tuple[str, date]]:
        """Return the rungs planned for a key, each with its local day, once."""
        pairs = ((n.rung, n.planned_at.astimezone(ZONE).date()) for n in self.notices(key))
        return list(dict.fromkeys(pairs))

    def row(self, key: str) -> dict[str, object]:
        """Return the stored occurrence's columns."""
        query = select(queries.OCCURRENCES).where(queries.OCCURRENCES.c.key == key)
        with store.reading(self.engine) as session:
            return dict(session.execute(query).mappings().one())

    def send(self) -> None:
        """Pretend that every pending notice left the house in a mail of its own."""
        with store.writing(self.engine) as session:
            for notice in session.execute(
                select(Notice).where(
                    queries.NOTICES.c.message_id.is_(None), queries.NOTICES.c.reason.is_(None)
                )
            ).scalars():
                self.mail(session, notice, "sent")

    def mail(self, session: Session, notice: Notice, state: str) -> int:
        """Store a message in a state for one notice and return its number."""
        from scheduler.tables import Message

        message = Message(
            recipient=notice.recipient, role=notice.role,
            day=notice.planned_at.astimezone(ZONE).date(), sequence=notice.id or 0,
            institution=notice.institution, subject="督办", message_id=f"<{notice.id}@test>",
            body=b"-", state=state, composed_at=notice.planned_at,
            handed=int(state != "ready"),
        )  # fmt: skip
        session.add(message)
        session.flush()
        notice.message_id = message.id
        session.add(notice)
        session.flush()
        return message.id or 0


def days(first: str, last: str) -> Sequence[date]:
    """Return the days from one to another, both included."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]


def run(house: House, over: Iterable[date], hour: int = 9) -> None:
    """Tick once a day."""
    for day in over:
        house.tick(datetime(day.year, day.month, day.day, hour, tzinfo=ZONE))


def with_contacts(world: World, contacts: object) -> World:
    """Return a world with these contacts and nobody invented."""
    return replace(world, contacts=contacts, placeholders=False)  # type: ignore[arg-type]
