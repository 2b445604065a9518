"""The service from outside: processes of ``duban serve`` are killed, stopped and put to sleep.

Nothing of the product is called or changed here: the processes get settings, files and a mail
server that misbehaves, and what came of it is read from the outbox and the server's log. The town's
three reminders are three acts, each a working day. A day's processes are ended by force at random,
mostly while mail moves, then the server behaves, and the day goes on until all is still.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError

from notifications.proof import last
from scheduler import queries, store
from scheduler.queries import MESSAGES, NOTICES, OCCURRENCES
from tests.delivery.checker import Verdict, check
from tests.delivery.served import ADMIN, Replica, duban, free_port, furnish, outbox
from tests.delivery.town import DOCUMENT, TOLD, ZONE, Town
from tests.mailserver.running import Running, running

ACTS = {"before-14d": "2026-03-06", "before-2wd": "2026-03-18", "after-1wd": "2026-03-23"}
REPORTS = "2026-03-17"  # the day on which some pairs report, as the service's clock has it
OPENS, STILL = "T08:50:00+08:00", timedelta(hours=9)  # an act lasts until 17:50 at least
PATIENCE = 240.0  # real seconds without any progress: something is stuck
TIMEOUT = 2  # real seconds that a process waits for the mail server
GONE = "^gone@"

FAULTS: tuple[dict[str, Any], ...] = (
    {"at": "rcpt", "do": "reply", "text": "550 5.1.1 nobody here", "to": GONE},
    {"at": "accept", "do": "refuse", "seconds": 0.2, "chance": 0.02},
    {"at": "greeting", "do": "drop", "chance": 0.03},
    {"at": "greeting", "do": "reply", "text": "421 4.3.2 busy", "chance": 0.03},
    {"at": "ehlo", "do": "drop", "chance": 0.01},
    {"at": "mail", "do": "reply", "text": "451 4.3.0 later", "chance": 0.02},
    {"at": "rcpt", "do": "reply", "text": "450 4.2.0 greylisted", "chance": 0.03},
    {"at": "rcpt", "do": "drop", "chance": 0.02},
    {"at": "data", "do": "drop", "chance": 0.02},
    {"at": "data", "do": "reply", "text": "452 4.3.1 no room", "chance": 0.02},
    {"at": "data", "do": "silence", "chance": 0.01},
    {"at": "content", "do": "drop", "chance": 0.02},
    {"at": "dot", "do": "drop", "chance": 0.02},
    {"at": "dot", "do": "drop", "kept": True, "chance": 0.04},
    {"at": "dot", "do": "silence", "kept": True, "chance": 0.01},
    {"at": "dot", "do": "reply", "text": "451 4.3.0 later", "chance": 0.02},
    {"at": "dot", "do": "delay", "ms": 400, "kept": True, "chance": 0.5},
    {"at": "dot", "do": "delay", "ms": 400},
)
GOOD = FAULTS[:1]


@dataclass(frozen=True)
class Plan:
    """How it is done. ``rate``: how fast the clock runs; ``lease`` in seconds of that clock."""

    replicas: int
    kills: int
    rate: float = 1800
    lease: int = 900
    seed: int = 1


@dataclass
class Tale:
    """What happened: blows by kind, starts, the slowest answer after a start (real seconds)."""

    blows: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    slowest: float = 0
    seconds: float = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Siege:
    """One store, its processes, and the mail server; ``url`` None: SQLite in the data folder."""

    folder: Path
    town: Town
    plan: Plan
    url: str | None = None
    tale: Tale = field(default_factory=Tale)

    def run(self) -> tuple[Tale, Verdict]:
        """Go through the acts; return what happened and what came of it."""
        self._dice = random.Random(self.plan.seed)
        began = time.monotonic()
        mail, port = self.folder / "mail", free_port()
        self._settings = {
            **furnish(self.folder, self.town),
            "DUBAN_SMTP_HOST": "127.0.0.1", "DUBAN_SMTP_PORT": str(port), "DUBAN_SMTP_TLS": "none",
            "DUBAN_SMTP_TIMEOUT": str(TIMEOUT), "DUBAN_LEASE": str(self.plan.lease),
        }  # fmt: skip
        self._replicas = [self._replica(n) for n in range(self.plan.replicas)]
        try:
            self._start(*self._replicas, at=ACTS[TOLD[0]] + OPENS)  # no mail server yet
            for number, rung in enumerate(TOLD):
                with running(mail, *FAULTS, seed=self.plan.seed + number, port=port) as server:
                    self._act(server, ACTS[rung] + OPENS, (number + 1) / len(TOLD))
                if rung == TOLD[0]:
                    self._report()
            with running(mail, *GOOD, port=port) as server:
                accepted = server.accepted
        finally:
            for one in self._replicas:
                one.kill()
        verdict = self._judge(accepted)
        self.tale.seconds = time.monotonic() - began
        return self.tale, verdict

    def _replica(self, number: int) -> Replica:
        # On SQLite all share a data folder; on PostgreSQL each has one, as on machines of its own.
        name = f"replica-{number}"
        data = self.folder / (name if self.url else "data")
        where = {"DUBAN_DATA": str(data)} | ({"DUBAN_DATABASE_URL": self.url} if self.url else {})
        return Replica(name, self.folder, self._settings | where)

    def _start(self, *some: Replica, at: str) -> None:
        for one in some:
            one.start(at, self.plan.rate)

    def _act(self, server: Running, at: str, share: float) -> None:
        """Go through one day, until nothing more can be done in it."""
        for one in self._replicas:
            one.stop()
        self._start(*self._replicas, at=at)
        ends = datetime.fromisoformat(at) + STILL
        self._quiet_since = time.monotonic()
        while self.struck < self.plan.kills * share:
            self._await_traffic(server)
            self._strike(at)
        server.misbehave(*GOOD)
        for one in self._replicas:
            if one.asleep:
                one.wake()
            if not one.look():
                self._start(one, at=at)
            self._answered(one)
        self._settle(ends)

    @property
    def struck(self) -> int:
        """Return how many blows fell."""
        return self.tale.blows.total()

    def _await_traffic(self, server: Running) -> None:
        """Wait until mail moves, for as long as the dice say at most."""
        # Where starting takes long, lives that are too short get nothing done.
        longer = max(1.0, self.tale.slowest / 3)
        trace = server.folder / "trace.tsv"
        until = time.monotonic() + self._dice.uniform(0.5, 4) * longer
        size = trace.stat().st_size if trace.exists() else 0
        while time.monotonic() < until:
            if trace.exists() and trace.stat().st_size > size:
                break
            time.sleep(0.02)
        time.sleep(self._dice.uniform(0, 0.4))

    def _strike(self, at: str) -> None:
        """End a process, or put it to sleep for a while, and start what does not run."""
        one = self._dice.choice(self._replicas)
        blow = self._dice.choices(("kill", "stop", "sleep", "kill all"), (12, 3, 3, 2))[0]
        self.tale.blows[blow] += 1
        if blow == "kill":
            one.kill()
        elif blow == "stop":
            one.stop()
        elif blow == "kill all":
            for other in self._replicas:
                other.kill()
        else:
            one.sleep()
            time.sleep(self._dice.uniform(0.2, 3))
            one.wake()
        for other in self._replicas:
            if not other.look():
                self._start(other, at=at)
        if self._dice.random() < 0.7:  # the others are struck while they start
            for other in self._replicas:
                self._answered(other)

    def _answered(self, one: Replica) -> None:
        if (seconds := one.wait()) is not None:
            self.tale.slowest = max(self.tale.slowest, seconds)

    def _report(self) -> None:
        """Let some pairs report, by the command line, while the service runs."""
        for n in self.town.done:
            one = self._replicas[n % len(self._replicas)]
            words = ("record", self.town.key(n), "completed")
            done = duban(one.settings, *words)
            if done.returncode:
                self.tale.wrong.append(f"{' '.join(words)}: {done.stdout}{done.stderr}")

    def _settle(self, ends: datetime) -> None:
        """Wait until the day is over and nothing waits that could go on in it."""
        engine = store.connect(self._url)
        seen, moved = None, time.monotonic()
        while True:
            for one in self._replicas:
                if not one.look():
                    raise AssertionError(one.wrong)
            try:
                state = _state(engine, ends)
            except DBAPIError:
                state = None
            if state is not None and state["tick"] >= ends and not state["moving"]:
                break
            if state != seen:
                seen, moved = state, time.monotonic()
            if time.monotonic() - moved > PATIENCE:
                raise AssertionError(f"stuck: {state}, {self._replicas[0].last_words}")
            time.sleep(0.3)
        engine.dispose()

    @property
    def _url(self) -> str:
        return self.url or f"sqlite:///{self.folder / 'data' / 'duban.db'}"

    def _judge(self, accepted: Sequence[Any]) -> Verdict:
        wrong = self.tale.wrong
        for one in self._replicas:
            wrong += one.wrong + one.tracebacks
        self.tale.starts = sum(one.starts for one in self._replicas)
        engine = store.connect(self._url)
        planned = self.town.planned(TOLD)
        verdict = check(engine, accepted, planned, document=DOCUMENT, own=(ADMIN,))
        with store.reading(engine) as session:
            proved = last(session)
        if proved is None or proved.wrong:
            wrong.append(f"the hourly proof: {proved}")
        engine.dispose()
        rows = outbox(self._replicas[0].settings)
        wrong += _told(rows, {tuple(map(str, one)) for one in planned})
        return verdict


def _told(rows: Sequence[Mapping[str, Any]], planned: set[tuple[str, ...]]) -> list[str]:
    """Return which notices do not stand in the outbox exactly once, as people see it."""
    seen = Counter(
        (item["key"], item["rung"], item["due"], row["to"]["address"])
        for row in rows
        if row["state"] != "cancelled"
        for item in row["items"]
        if item["key"].startswith(DOCUMENT)
    )
    return [f"in the outbox {seen[one]} times: {one}" for one in planned if seen[one] != 1]


def _state(engine: Engine, ends: datetime) -> dict[str, Any]:
    """Return how far the service's clock is, and what waits that can go on before ``ends``."""
    with store.reading(engine) as session:
        ticked = queries.mark(session, "tick")
        states = dict(session.execute(
            select(MESSAGES.c.state, func.count()).group_by(MESSAGES.c.state)
        ).all())  # fmt: skip
        tries = session.execute(
            select(func.count()).select_from(MESSAGES)
            .where(MESSAGES.c.state.in_(("ready", "in_doubt")), MESSAGES.c.next_try_at.is_not(None))
            .where(MESSAGES.c.role.not_in(("admin", "alarm")))
        ).scalar_one()  # fmt: skip
        notices = session.execute(
            select(func.count()).select_from(NOTICES)
            .where(NOTICES.c.message_id.is_(None), NOTICES.c.reason.is_(None))
        ).scalar_one()  # fmt: skip
        due = session.execute(
            select(func.count()).select_from(OCCURRENCES)
            .where(OCCURRENCES.c.document == DOCUMENT, OCCURRENCES.c.next_notice_at <= ends)
        ).scalar_one()  # fmt: skip
    moving = tries + notices + due + states.get("sending", 0) + states.get("handing", 0)
    at = datetime.fromisoformat(ticked) if ticked else datetime(2000, 1, 1, tzinfo=ZONE)
    return {"tick": at, "moving": moving, "due": due, "notices": notices, **states}


def siege(url: str | None, folder: Path, plan: Plan) -> tuple[Tale, Verdict]:
    """Besiege a town with two mails to a blow and act, at least twenty pairs."""
    town = Town(max(20, plan.kills), gone=(1, 4, 7), done=(2, 7, 11))
    return Siege(folder, town, plan, url).run()
