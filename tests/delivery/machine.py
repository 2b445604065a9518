"""A town that edits, facts, deaths, clocks and restored backups happen to, and what must hold of it.

The engine is the real one, on a real database; only the relay is played, so that what it accepted
is known for certain. ``Model`` is what people know: it is worked out here from what was done, not
asked of the product. A backup takes a copy of it along, for what a restored store has forgotten
people have to say again.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import hashlib
import itertools
import re
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from cli.round import Rounds
from config.contacts import Contact, Contacts, gathered
from notifications import deciding, fuse, journal
from notifications.desk import Desk
from notifications.journal import Journal
from notifications.monitor import Monitor
from notifications.transport import (
    Deferred,
    Envelope,
    Fence,
    Fenced,
    InDoubt,
    Rejected,
    RelayFault,
    Unreachable,
)
from scheduler import applying, archive, recording, replacing, store
from scheduler.proposing import Candidates, candidates, propose
from scheduler.staging import stage
from scheduler.world import World
from workflows.library import bundled_workdays

ZONE = ZoneInfo("Asia/Shanghai")
ADOPTED = datetime(2026, 3, 2, 9, tzinfo=ZONE)
LEASE = timedelta(minutes=15)
ADMIN = "admin@x.example"
OWN = ("admin", "alarm")  # the roles of the service's own mails
NOTHING_TO_COME = timedelta(days=120)  # longer than any ladder or silence
TOWN = "town-2026"

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
            if new is None:
                if key not in self.quiet:
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


class Death(BaseException):
    """The process is gone: nothing catches this."""


class Fate(NamedTuple):
    """At which moment of a step the process dies, and at how many such moments (from 1)."""

    moment: str
    turn: int


# Every change is a commit or a line of the journal, and the relay's yes lies between two of them.
MOMENTS = ("uncommitted", "committed", "unwritten", "torn", "written", "accepted")

BEFORE: dict[str, Callable[[], Exception]] = {
    "450": lambda: Deferred("450 greylisted"),
    "550": lambda: Rejected("550 nobody here"),
    "535": lambda: RelayFault("535 no"),
    "away": lambda: Unreachable("nobody answers"),
    "fault": lambda: RuntimeError("ours"),
}
BEHIND: dict[str, Callable[[], Exception]] = {
    "451 at dot": lambda: Deferred("451 later"),
    "554 at dot": lambda: Rejected("554 no"),
    "lost": lambda: InDoubt("cut off"),
    "fault behind": lambda: RuntimeError("ours"),
}
KEPT = "kept, no answer"
SLEEPS = ("asleep", "asleep behind")
STEPS = ("accept", *BEFORE, *BEHIND, KEPT, *SLEEPS)


class Accepted(NamedTuple):
    """A mail that the relay took."""

    message_id: str
    recipient: str
    digest: str
    statutory: bool
    notices: frozenset[tuple[Any, ...]]


class Relay:
    """The way out: it does what the script says, one word a mail, and then accepts."""

    carriers = 1
    repeatable = False

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.script: list[str] = []
        self.accepted: list[Accepted] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def describe(self) -> str:
        return "machine"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Relay]:
        yield self

    async def hand(self, envelope: Envelope, fence: Fence) -> str:
        step = self.script.pop(0) if self.script else "accept"
        if step in BEFORE:
            raise BEFORE[step]()
        if step == "asleep":
            await asyncio.to_thread(self.meanwhile)
        if not await fence():
            raise Fenced("lost")
        self.rig.behind_the_fence(envelope)
        if step == "asleep behind":
            await asyncio.to_thread(self.meanwhile)
        if step in BEHIND:
            raise BEHIND[step]()
        self.rig.take(envelope)
        self.rig.moment("accepted")
        if step == KEPT:
            raise InDoubt("no answer")
        return "250 ok"


class Process:
    """One start of the service on the store."""

    def __init__(self, rig: Rig, owner: str) -> None:
        self.engine = store.connect(rig.url, durable=False)
        event.listen(self.engine, "commit", rig.on_commit)
        desk = Desk(Journal(rig.folder / "journal", owner))
        self.rounds = Rounds(
            self.engine, lambda: rig.now, lambda: rig.world, rig.relay, owner, LEASE, desk,
            Monitor(None),
        )  # fmt: skip

    def end(self) -> None:
        assert self.rounds.desk.journal is not None
        self.rounds.desk.journal.close()
        self.engine.dispose()


class Rig:
    """Two processes on one store, the relay, the clock, and what people know.

    ``wrong`` gathers what must not have happened, in words.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.now = ADOPTED
        self.relay = Relay(self)
        self.contacts = LISTS[0]
        self.model = Model()
        self.saved: list[tuple[Path, Model]] = []
        self.retries: Counter[str] = Counter()
        self.confirmed: set[str] = set()  # by the admin: it arrived
        self.returned: set[str] = set()  # by the admin: it came back
        self.wrong: list[str] = []
        self.fate: Fate | None = None
        self.commits = 0
        self.learned = True  # whether a round has read the journal since the last restore
        self._made = False
        self._numbers = itertools.count(1)
        self.eye = store.connect(url, durable=False)
        self._stand_in = patch.multiple(fuse, SPARE=1)
        self._stand_in.start()
        self._append = journal._append
        journal._append = self._write_line
        event.listen(Session, "after_commit", self._after_commit)
        self.processes = [self._start(), self._start()]
        with store.writing(self.processes[0].engine) as session:
            proposal = propose(session, written(self.model.text), self.now, self.base)
            applying.carry_out(session, proposal, self.now, "测试")
        self.model.edit(self.model.text, self.today)

    def close(self) -> None:
        """Let go of the store and of what was put in the place of the product's own."""
        for one in self.processes:
            one.end()
        self.eye.dispose()
        event.remove(Session, "after_commit", self._after_commit)
        journal._append = self._append
        self._stand_in.stop()

    def _start(self) -> Process:
        return Process(self, f"life-{next(self._numbers)}")

    @property
    def today(self) -> date:
        return self.now.astimezone(ZONE).date()

    @property
    def base(self) -> World:
        return World(
            {}, {}, bundled_workdays(), contacts=self.contacts, base_url="https://duban.example",
            mail_from="督办 <duban@x.example>", admin=ADMIN,
        )  # fmt: skip

    @property
    def world(self) -> World:
        found, base = written(self.model.text), self.base
        return World(
            found.documents, found.rosters, base.workdays, contacts=base.contacts,
            base_url=base.base_url, mail_from=base.mail_from, admin=base.admin,
        )  # fmt: skip

    # Deaths

    def moment(self, name: str) -> None:
        """Die here, if it is time."""
        if self.fate is None or self.fate.moment != name:
            return
        if self.fate.turn > 1:
            self.fate = self.fate._replace(turn=self.fate.turn - 1)
            return
        self.fate = None
        raise Death

    def on_commit(self, _connection: Any) -> None:
        self.moment("uncommitted")
        self._made = True

    def _after_commit(self, _session: Any) -> None:
        if self._made:
            self._made = False
            self.commits += 1
            self.moment("committed")

    def _write_line(self, file: int, data: bytes) -> None:
        self.moment("unwritten")
        try:
            self.moment("torn")
        except Death:
            self._append(file, data[: len(data) // 2])
            raise
        self._append(file, data)
        self.moment("written")

    def _live(self, which: int, fate: Fate | None, step: Callable[[Process], Any]) -> bool:
        """Let a process do something and return whether it survived; else another takes its place."""
        self.fate = fate
        try:
            step(self.processes[which])
        except BaseException as error:
            if not _dead(error):
                raise
            self.processes[which].end()
            self.processes[which] = self._start()
            return False
        finally:
            self.fate = None
            self._made = False
        return True

    # What happens

    def round(self, which: int, script: list[str], fate: Fate | None = None) -> None:
        """Let one process do a round."""
        self.relay.script = list(script)
        if self._live(which, fate, lambda one: one.rounds.run()):
            self.learned = True

    def nested(self, which: int, later: timedelta, script: list[str]) -> Callable[[], None]:
        """Return what another process does while one sleeps over a mail in its hands."""

        def happen() -> None:
            rest, fate, self.fate = self.relay.script, self.fate, None
            self.relay.meanwhile = lambda: None
            self.now += later
            self.relay.script = list(script)
            self.processes[which].rounds.run()
            self.relay.script, self.fate = rest, fate

        return happen

    def change(
        self, which: int, fate: Fate | None, act: Callable[[Any], None], then: Callable[[], None]
    ) -> None:
        """Do something in one transaction; what people know follows if it was committed."""
        before = self.commits

        def step(one: Process) -> None:
            with store.writing(one.engine) as session:
                act(session)

        with suppress(recording.Refused, deciding.Refused):
            self._live(which, fate, step)
            if self.commits > before:
                then()

    def edit(self, text: Text, which: int = 0, fate: Fate | None = None) -> None:
        """Apply an edit of document and roster."""

        def act(session: Any) -> None:
            proposal = propose(session, written(text), self.now, self.base)
            applying.carry_out(session, proposal, self.now, "测试")

        self.change(which, fate, act, lambda: self.model.edit(text, self.today))

    def say(
        self, key: str, kind: str, until: date | None, which: int = 0, fate: Fate | None = None
    ) -> None:
        """Record a fact."""
        said = recording.Statement(key, kind, until=until, reason="测试")

        def then() -> None:
            if kind == "acknowledged":
                assert until is not None
                self.model.quiet[key] = until
            else:
                self.model.done.add(key)

        self.change(
            which, fate, lambda s: recording.record(s, said, self.now, "测试", self.world), then
        )

    def decide(self, number: int, what: str, which: int = 0, fate: Fate | None = None) -> None:
        """Let the admin decide of one mail, or release what is held."""
        if what == "release":
            def act(session: Any) -> None:
                fuse.release(session, self.now, self.world, "测试")
            self.change(which, fate, act, lambda: None)
            return
        rows = self.ask("select id, message_id from message order by id")
        if not rows:
            return
        row = rows[number % len(rows)]

        def decided(session: Any) -> None:
            if what == "retry":
                deciding.retry(session, row.id, self.now, self.world, "测试")
            elif what == "arrived":
                deciding.arrived(session, row.id, self.now, "测试")
            else:
                deciding.bounced(session, row.id, self.now, self.world, "测试")

        def then() -> None:
            if what == "retry":
                self.retries[row.message_id] += 1
            else:
                (self.confirmed if what == "arrived" else self.returned).add(row.message_id)

        self.change(which, fate, decided, then)

    def backup(self) -> None:
        """Keep a backup, and what people know now."""
        file = self.folder / f"backup-{len(self.saved)}.zip"
        with file.open("wb") as target:
            archive.write(
                self.processes[0].engine, target, self.now, "test", lambda _done, _total: None
            )
        self.saved.append((file, deepcopy(self.model)))

    def restore(self, number: int) -> None:
        """Put an older backup in the place of the store; all processes are ended for it."""
        if not self.saved:
            return
        file, model = self.saved[number % len(self.saved)]
        for one in self.processes:
            one.end()
        self.eye.dispose()
        fresh = self.folder / "fresh.db"
        with archive.Archive(file) as opened:
            staged = stage(opened, fresh, lambda _done, _total: None, durable=False)
        if self.url.startswith("sqlite"):
            staged.dispose()
            replacing.release(fresh)
            place = Path(self.url.removeprefix("sqlite:///"))
            replacing.release(place)
            replacing.put_in_place(fresh, place, self.folder / f"aside-{next(self._numbers)}.db")
        else:
            target = store.connect(self.url)
            replacing.pour(staged, target)
            target.dispose()
            staged.dispose()
            fresh.unlink()
        self.model = deepcopy(model)
        self.processes = [self._start(), self._start()]
        self.learned = False

    # What is seen from outside

    def ask(self, query: str, **values: Any) -> list[Any]:
        """Return the rows of a query, without the product's words for them."""
        with self.eye.execution_options(read_only=True).connect() as connection:
            return list(connection.execute(text(query), values))

    def journal_says(self, message_id: str, *words: str) -> bool:
        """Return whether a line of the journal names a mail and one of the words."""
        for file in (self.folder / "journal").glob("*.jsonl"):
            for line in file.read_text().splitlines():
                if f'"{message_id}"' in line and any(f'"what": "{w}"' in line for w in words):
                    return True
        return False

    def behind_the_fence(self, envelope: Envelope) -> None:
        """Look at a mail that is about to be handed over: may it be?"""
        (row,) = self.ask("select * from message where message_id = :m", m=envelope.key)
        notices = self.ask("select * from notice where message_id = :m", m=row.id)
        said = f"{self.now} {row.role} {row.recipient} {[(n.key, n.rung) for n in notices]}"
        if row.state != "handing" or bytes(row.body) != envelope.body:
            self.wrong.append(f"handed over as {row.state}, or not as stored: {said}")
        if not self.journal_says(envelope.key, "handing"):
            self.wrong.append(f"not in the journal: {said}")
        if self.retries[envelope.key]:
            return  # the admin has seen it
        if row.handed > 1:
            if self.journal_says(envelope.key, "sent"):
                self.wrong.append(f"handed over again after a receipt: {said}")
            return
        spoken = spoken_of(envelope.body)
        if row.role not in OWN and spoken != {n.key for n in notices}:
            self.wrong.append(f"the mail speaks of {spoken}: {said}")
        for notice in notices:
            key = notice.key
            if key in self.model.done:
                self.wrong.append(f"of {key}, which is done: {said}")
            elif self.model.dues.get(key) != _day(notice.due):
                self.wrong.append(f"of a date of {key} that does not hold: {said}")
            elif key in self.model.history:
                self.wrong.append(f"of {key}, which is history: {said}")
            elif key in self.model.quiet and self.today <= self.model.quiet[key]:
                self.wrong.append(f"of {key}, which is to be silent: {said}")

    def take(self, envelope: Envelope) -> None:
        """Let the relay accept a mail."""
        rows = self.ask(
            "select n.key, n.rung, n.due, n.move, n.recipient from notice n"
            " join message m on m.id = n.message_id where m.message_id = :m", m=envelope.key,
        )  # fmt: skip
        digest = hashlib.sha256(envelope.body).hexdigest()
        notices = frozenset(tuple(str(part) for part in row) for row in rows)
        statutory = any(row.rung not in ("before-14d", "changed") for row in rows)
        self.relay.accepted.append(
            Accepted(envelope.key, envelope.recipient, digest, statutory, notices)
        )

    def coming(self) -> datetime | None:
        """Return the next instant at which anything stored is to be looked at."""
        found = []
        for query in (
            "select min(next_notice_at) from occurrence where next_notice_at > :now",
            "select min(release_at) from notice where message_id is null and reason is null"
            " and release_at > :now",
            "select min(next_try_at) from message where state in ('ready', 'in_doubt')"
            " and next_try_at > :now",
            "select min(lease_until) from message where lease_until > :now",
        ):
            (row,) = self.ask(query, now=self._plain(self.now))
            if row[0] is not None:
                found.append(self._instant(row[0]))
        return min(found, default=None)

    def _plain(self, at: datetime) -> Any:
        """Return an instant as the database keeps it."""
        if self.url.startswith("sqlite"):
            return at.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%d %H:%M:%S.%f")
        return at

    def _instant(self, value: Any) -> datetime:
        if isinstance(value, str):
            return datetime.fromisoformat(value).replace(tzinfo=ZoneInfo("UTC")).astimezone(ZONE)
        found: datetime = value.astimezone(ZONE)
        return found

    def unfinished(self) -> bool:
        """Return whether anything is left to be done now."""
        (mails,) = self.ask(
            "select count(*) from message where state in ('ready', 'sending', 'handing')"
            " or (state = 'in_doubt' and next_try_at is not null)"
        )
        (notices,) = self.ask(
            "select count(*) from notice where message_id is null and reason is null"
        )
        return bool(mails[0] or notices[0])

    def finish(self) -> None:
        """Let the world be good until nothing more is to come."""
        self.fate, self.relay.script = None, []
        if not self.contacts.entries:
            self.contacts = LISTS[0]
        end = self.now + NOTHING_TO_COME
        self.round(0, [])
        while self.now < end:
            self.decide(0, "release")
            coming = self.coming()
            if coming is None and not self.unfinished():
                break
            hour = self.now + timedelta(hours=3)
            self.now = hour if coming is None else max(coming, self.now) + timedelta(seconds=1)
            self.round(0, [])


def _dead(error: BaseException | None) -> bool:
    """Return whether a death is in or behind an error."""
    while error is not None:
        if isinstance(error, Death):
            return True
        if isinstance(error, BaseExceptionGroup) and any(_dead(e) for e in error.exceptions):
            return True
        error = error.__context__
    return False


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def spoken_of(body: bytes) -> set[str]:
    """Return the keys that a mail's text links to."""
    part = email.message_from_bytes(body, policy=email.policy.default).get_body(("plain",))
    assert part is not None
    return set(re.findall(r"https://duban\.example/items/([^\s?]+)", part.get_content()))


def build(url: str) -> Engine:
    """Make the tables of an empty store."""
    engine = store.connect(url, durable=False)
    store.migrate(engine)
    return engine


def copied(template: Path, folder: Path) -> str:
    """Return the address of a copy of an empty SQLite store."""
    target = folder / "duban.db"
    shutil.copyfile(template, target)
    return f"sqlite:///{target}"
