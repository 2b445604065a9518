"""A town that edits, facts, deaths, clocks and restored backups happen to.

The engine is the real one, on a real database; only the relay is played, so that what it accepted
is known for certain. A backup takes along what people know, for what a restored store has forgotten
they have to say again.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import itertools
import re
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from cli.round import Rounds
from notifications import deciding, fuse, journal
from notifications.desk import Desk
from notifications.journal import Journal
from notifications.monitor import Monitor
from notifications.transport import Envelope
from scheduler import applying, archive, recording, replacing, store
from scheduler.hours import sending
from scheduler.proposing import propose
from scheduler.staging import stage
from scheduler.world import World
from tests.delivery.played_relay import Accepted, Death, Fate, Relay, dead
from tests.delivery.sight import Sight
from tests.delivery.small_town import (
    ADMIN,
    LISTS,
    RUNGS,
    WORKDAYS,
    ZONE,
    Model,
    Text,
    climbed,
    written,
)

ADOPTED = datetime(2026, 3, 2, 9, tzinfo=ZONE)
LEASE = timedelta(minutes=15)
OWN = ("admin", "alarm")  # the roles of the service's own mails
NOTHING_TO_COME = timedelta(days=120)  # longer than any ladder or silence


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
        self.sight = Sight(url, folder)
        self.ask, self.journal_says = self.sight.ask, self.sight.journal_says
        self._stand_in = patch.multiple(fuse, FACTOR=1, SPARE=0)
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
        self.sight.eye.dispose()
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
            {}, {}, WORKDAYS, contacts=self.contacts, base_url="https://duban.example",
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
            if not dead(error):
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
            self._look_for_rungs()

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
        self.sight.eye.dispose()
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

    def _look_for_rungs(self) -> None:
        """After a round in the sending hours every rung that has come is planned, or a later one."""
        if sending(self.now, ZONE, WORKDAYS) != self.now:
            return
        told: dict[tuple[str, str], int] = {}
        for row in self.ask("select key, due, rung from notice where rung <> 'changed'"):
            about = row.key, str(row.due)
            told[about] = max(told.get(about, 0), RUNGS.index(row.rung) + 1)
        for key in self.model.open:
            due = self.model.dues[key]
            silent = key in self.model.quiet and self.today <= self.model.quiet[key]
            if silent or key in self.model.late:
                continue
            if told.get((key, str(due)), 0) < climbed(due, self.now):
                self.wrong.append(f"at {self.now} a rung of {key}, due {due}, is not planned")

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

    def finish(self) -> None:
        """Let the world be good until nothing more is to come."""
        self.fate, self.relay.script = None, []
        if not self.contacts.entries:
            self.contacts = LISTS[0]
        end = self.now + NOTHING_TO_COME
        self.round(0, [])
        while self.now < end:
            self.decide(0, "release")
            coming = self.sight.coming(self.now)
            if coming is None and not self.sight.unfinished():
                break
            hour = self.now + timedelta(hours=3)
            self.now = hour if coming is None else max(coming, self.now) + timedelta(seconds=1)
            self.round(0, [])


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
