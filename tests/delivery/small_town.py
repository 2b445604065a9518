"""The town of the machine: its document, its people, and what is known of its duties.

``Model`` is worked out from what was done, and not asked of the product.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from config.contacts import Contact, Contacts, gathered
from scheduler.proposing import Candidates, candidates
from workflows.library import bundled_workdays

ZONE = ZoneInfo("Asia/Shanghai")
WORKDAYS = bundled_workdays()
ADMIN = "admin@x.example"
TOWN = "town-2026"
RUNGS = ("before-14d", "before-2wd", "after-1wd", "after-5wd", "after-10wd")

WORKFLOW = """\
id: town-2026
number: 某卫发〔2026〕2号
title: 结对帮扶通知
issuers: [sheng]
issued: 2026-01-10
validity: {core_until: 2028-12-31, clause: 二, phrase: 到2028年底}
roles:
  supporter: {name: 支援医院, side: supporter}
  recipient: {name: 受援医院, side: recipient}
  province: {name: 省局, institution: sheng}
obligations:
  - {id: old, title: 报送名单, kind: once, clauses: [二], phrase: 2026年2月10日前, per: document,
     responsible: province, rule: {on: 2026-02-10}}
"""
DUTY = """\
  - {{id: {name}, title: 报送{name}, kind: once, clauses: [三], phrase: 按期报送, per: pairing,
     responsible: supporter, assisting: [recipient], recipients: [province], rule: {{on: {due}}}}}
"""
DUTIES = ("plan", "report")
PAIRS = range(3)
HEAD = "id,name,kind,type,city,county,authority,direct,government,parent,aliases,canonical,inferred,note"


class Text(NamedTuple):
    """What the document and its roster say: the date of each duty, None without it; the pairs."""

    plan: date | None = date(2026, 3, 20)
    report: date | None = date(2026, 4, 10)
    pairs: frozenset[int] = frozenset(PAIRS)

    def wanted(self) -> dict[str, date]:
        """Return the dates that follow, by key."""
        found = {f"{TOWN}/old/-/once": date(2026, 2, 10)}
        for name, due in zip(DUTIES, self[:2], strict=True):
            if due is not None:
                found |= {f"{TOWN}/{name}/p{n}/once": due for n in self.pairs}
        return found


@lru_cache(maxsize=256)
def written(said: Text) -> Candidates:
    """Return the document and its roster as an edit would bring them."""
    duties = zip(DUTIES, said[:2], strict=True)
    workflow = WORKFLOW + "".join(DUTY.format(name=n, due=d) for n, d in duties if d is not None)
    rows = [HEAD, "sheng,省局,authority,,,,,,,,,,,"]
    rows += [f"shi{n},第{n}市卫健委,authority,,,,sheng,,,,,,," for n in (0, 1)]
    for n in PAIRS:
        rows += [
            f"{side}{n},{name}{n}医院,hospital,,第{n // 2}市,,shi{n // 2},,,,,,,"
            for side, name in (("da", "支援"), ("xiao", "受援"))
        ]
    pairings = ["id,supporter,recipient,clause,needs,programme,from,until,note"]
    pairings += [f"p{n},da{n},xiao{n},附件第{n + 1}行,,,,," for n in sorted(said.pairs)]
    tables = {
        "institutions.csv": "\n".join(rows) + "\n",
        "pairings.csv": "\n".join(pairings) + "\n",
        "members.csv": "group,institution,programme,from,until,clause,inferred\n",
    }
    return candidates({TOWN: (workflow, tables)})


def _people() -> list[Contact]:
    found = [Contact("sheng", "coordinator", "医政处", "coordinator@sheng.example")]
    found += [Contact(f"shi{n}", "coordinator", "", f"coordinator@shi{n}.example") for n in (0, 1)]
    for side, n in itertools.product(("da", "xiao"), PAIRS):
        found.append(Contact(f"{side}{n}", "liaison", "医务科", f"liaison@{side}{n}.example"))
    return found


def _lists() -> list[Contacts]:
    """Return lists of contacts: whole, with gaps, with leaders, with a shared mailbox, empty."""
    people = _people()
    leaders = [Contact(f"da{n}", "leader", "院办", f"leader@da{n}.example") for n in PAIRS]
    shared = [
        Contact(c.institution, c.role, c.office, "office@group.example")
        if c.institution in ("da0", "da2") else c
        for c in people
    ]  # fmt: skip
    gap = [c for c in people if c.institution not in ("da0", "xiao1", "shi1")]
    return [gathered(some) for some in (people, gap, people + leaders, shared, [])]


LISTS = _lists()


@dataclass
class Model:
    """What is known of each occurrence, by key. ``late``: a date that moved within the past."""

    text: Text = field(default_factory=Text)
    dues: dict[str, date] = field(default_factory=dict)
    history: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    quiet: dict[str, date] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)

    def edit(self, text: Text, today: date) -> None:
        """Let the text hold from a day on. An edit never speaks of the past."""
        wanted = text.wanted()
        for key in [*wanted, *(k for k in self.dues if k not in wanted)]:
            old, new = self.dues.get(key), wanted.get(key)
            if key in self.done or old == new:
                continue
            if new is None:  # silent or not; should it come back, the silence counts again
                del self.dues[key]
                self.history.discard(key)
                self.late.discard(key)
                continue
            if new >= today:
                self.history.discard(key)
                self.late.discard(key)
            elif old is None or old >= today:
                self.history.add(key)
            elif key not in self.history:
                self.late.add(key)
            self.dues[key] = new
        self.text = text

    @property
    def open(self) -> list[str]:
        """Return the keys of what is still owed."""
        return [key for key in self.dues if key not in self.done | self.history]


def climbed(due: date, now: datetime) -> int:
    """Return how many rungs of a date's ladder have come at an instant, the last one being useful.

    0 where none has, or where the date is over and nothing of it is due yet.
    """
    worked = WORKDAYS.on_or_before(due)
    days = (
        WORKDAYS.on_or_before(worked - timedelta(days=14)), WORKDAYS.back(worked, 2),
        *(WORKDAYS.forward(due, count) for count in (1, 5, 10)),
    )  # fmt: skip
    found = sum(datetime.combine(day, time(9), tzinfo=ZONE) <= now for day in days)
    return 0 if found <= 2 and now.date() > due else found
