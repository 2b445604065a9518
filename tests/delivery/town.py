"""A fictitious province whose mails can be counted by hand: pairs of hospitals, one report each.

The report is due on Friday 2026-03-20. By the default ladder, with no holiday near, its rungs are
before-14d on 03-06, before-2wd on 03-18, after-1wd on 03-23, after-5wd on 03-27, after-10wd on
04-03. Both hospitals of a pair are told up to after-1wd, then the city, then the province.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from config.contacts import Contact, Contacts, gathered
from scheduler import applying, store
from scheduler.loading import Loaded, from_texts
from scheduler.recording import Statement, record
from scheduler.world import World
from workflows.library import bundled_workdays

ZONE = ZoneInfo("Asia/Shanghai")
ADOPTED = datetime(2026, 3, 2, 9, tzinfo=ZONE)
BEGINS = datetime(2026, 3, 6, 9, tzinfo=ZONE)
DONE_ON = datetime(2026, 3, 17, 10, tzinfo=ZONE)  # between the first rung and the second
ENDS = datetime(2026, 4, 10, 18, tzinfo=ZONE)
DUE = date(2026, 3, 20)
TOLD = ("before-14d", "before-2wd", "after-1wd")
RUNGS = (*TOLD, "after-5wd", "after-10wd")
DOCUMENT = "town-2026"

WORKFLOW = """\
id: town-2026
number: 某卫发〔2026〕2号
title: 结对帮扶通知
issuers: [sheng]
issued: 2026-01-10
validity:
  core_until: 2028-12-31
  clause: 二
  phrase: 到2028年底
roles:
  supporter: {name: 支援医院, side: supporter}
  recipient: {name: 受援医院, side: recipient}
  province: {name: 省局, institution: sheng}
obligations:
  - id: plan
    title: 报送工作方案
    kind: once
    clauses: [三]
    phrase: 2026年3月20日前报送
    per: pairing
    responsible: supporter
    assisting: [recipient]
    recipients: [province]
    rule: {on: 2026-03-20}
"""


class Planned(NamedTuple):
    """A notice, as it must be planned."""

    key: str
    rung: str
    due: date
    recipient: str


@dataclass(frozen=True)
class Town:
    """``pairs`` pairs of hospitals, ten to a city.

    The liaisons of the recipients in ``gone`` have mailboxes that do not exist; each has a leader
    who is told instead. The pairs in ``done`` report after the first reminder.
    """

    pairs: int
    gone: Collection[int] = ()
    done: Collection[int] = ()

    @property
    def cities(self) -> range:
        return range((self.pairs + 9) // 10)

    def tables(self) -> dict[str, str]:
        """Return the roster's three tables."""
        head = (
            "id,name,kind,type,city,county,authority,direct,government,parent,aliases,canonical,"
            "inferred,note"
        )
        rows = [head, "sheng,省局,authority,,,,,,,,,,,"]
        rows += [f"shi{n},第{n}市卫健委,authority,,,,sheng,,,,,,," for n in self.cities]
        for n in range(self.pairs):
            rows += [
                f"{side}{n},{name}{n}医院,hospital,,第{n // 10}市,,shi{n // 10},,,,,,,"
                for side, name in (("da", "支援"), ("xiao", "受援"))
            ]
        pairings = ["id,supporter,recipient,clause,needs,programme,from,until,note"]
        pairings += [f"p{n},da{n},xiao{n},附件第{n + 1}行,,,,," for n in range(self.pairs)]
        return {
            "institutions.csv": "\n".join(rows) + "\n",
            "pairings.csv": "\n".join(pairings) + "\n",
            "members.csv": "group,institution,programme,from,until,clause,inferred\n",
        }

    def contacts(self) -> Contacts:
        """Return who is written to."""
        return gathered(self.people())

    def people(self) -> Iterator[Contact]:
        """Yield everybody who is written to."""
        yield Contact("sheng", "coordinator", "医政处", "coordinator@sheng.example")
        for n in self.cities:
            yield Contact(f"shi{n}", "coordinator", "医政科", f"coordinator@shi{n}.example")
        for n in range(self.pairs):
            yield Contact(f"da{n}", "liaison", "医务科", f"liaison@da{n}.example")
            yield Contact(f"xiao{n}", "liaison", "医务科", self._liaison(n))
            if n in self.gone:
                yield Contact(f"xiao{n}", "leader", "院办", f"leader@xiao{n}.example")

    def _liaison(self, n: int) -> str:
        return f"{'gone' if n in self.gone else 'liaison'}@xiao{n}.example"

    def world(self) -> World:
        """Return what the engine needs to know."""
        document, roster = from_texts(WORKFLOW, self.tables())
        return World(
            documents={document.id: document},
            rosters={document.id: roster},
            workdays=bundled_workdays(),
            contacts=self.contacts(),
            base_url="https://duban.example",
            mail_from="督办 <duban@x.example>",
        )

    def build(self, url: str) -> Engine:
        """Make the tables in an empty store, adopt the document and return the engine."""
        engine = store.connect(url)
        store.migrate(engine)
        world = self.world()
        tables = self.tables()
        loaded = Loaded(
            dict(world.documents), dict(world.rosters), world.workdays, (),
            {DOCUMENT: (WORKFLOW, tables)},
        )  # fmt: skip
        with store.writing(engine) as session:
            applying.adopt_bundled(session, loaded, ADOPTED, world)
        return engine

    def report(self, engine: Engine, world: World) -> None:
        """Record that the pairs in ``done`` have reported."""
        for n in self.done:
            with store.writing(engine) as session:
                record(session, Statement(self.key(n), "completed"), DONE_ON, "测试", world)

    def key(self, n: int) -> str:
        return f"{DOCUMENT}/plan/p{n}/once"

    def planned(self, rungs: Collection[str] = RUNGS) -> set[Planned]:
        """Return every notice of these rungs that must be planned, worked out without the engine."""
        every = {Planned(*one) for n in range(self.pairs) for one in self._of(n)}
        return {one for one in every if one.rung in rungs}

    def _of(self, n: int) -> Iterator[tuple[str, str, date, str]]:
        key = self.key(n)
        for rung in TOLD[:1] if n in self.done else TOLD:
            yield key, rung, DUE, f"liaison@da{n}.example"
            yield key, rung, DUE, self._liaison(n)
            if n in self.gone:
                yield key, rung, DUE, f"leader@xiao{n}.example"
        if n not in self.done:
            yield key, "after-5wd", DUE, f"coordinator@shi{n // 10}.example"
            yield key, "after-10wd", DUE, "coordinator@sheng.example"
