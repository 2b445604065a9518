"""Processes are started, killed, started again, until all mail is where it ends."""

from __future__ import annotations

import itertools
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from notifications import pause as pausing
from scheduler import store
from scheduler.hours import sending
from scheduler.queries import MESSAGES, NOTICES, OCCURRENCES
from tests.delivery.checker import Verdict, check
from tests.delivery.mortal import (
    CHANGES,
    MOMENTS,
    MORNING,
    Death,
    Life,
    clock,
    deaths,
    live,
    set_clock,
)  # fmt: skip
from tests.delivery.served import free_port
from tests.delivery.town import BEGINS, DONE_ON, ENDS, Town
from tests.mailserver.running import running
from tests.stores.postgresql import cut

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.delivery.mortal"])
LOOK = 0.03  # real seconds between two looks
PATIENCE = 60.0  # real seconds without any progress: something is stuck

FAULTS: tuple[dict[str, Any], ...] = (
    {"at": "rcpt", "do": "reply", "text": "550 5.1.1 nobody here", "to": "^gone@"},
    {"at": "accept", "do": "refuse", "seconds": 0.2, "chance": 0.02},
    {"at": "greeting", "do": "reply", "text": "421 4.3.2 busy", "chance": 0.04},
    {"at": "greeting", "do": "reply", "text": "554 5.3.2 not today", "chance": 0.02},
    {"at": "mail", "do": "reply", "text": "451 4.3.0 later", "chance": 0.02},
    {"at": "rcpt", "do": "reply", "text": "450 4.2.0 greylisted", "chance": 0.03},
    {"at": "rcpt", "do": "drop", "chance": 0.02},
    {"at": "data", "do": "reply", "text": "452 4.3.1 no room", "chance": 0.02},
    {"at": "content", "do": "drop", "chance": 0.02},
    {"at": "dot", "do": "drop", "chance": 0.03},
    {"at": "dot", "do": "drop", "kept": True, "chance": 0.04},
    {"at": "dot", "do": "silence", "kept": True, "chance": 0.02},
    {"at": "dot", "do": "silence", "chance": 0.01},
    {"at": "dot", "do": "reply", "text": "451 4.3.0 later", "chance": 0.02},
    # A slow server, so that most processes die with a mail in their hands.
    {"at": "dot", "do": "delay", "ms": 250, "kept": True, "chance": 0.5},
    {"at": "dot", "do": "delay", "ms": 250},
)


@dataclass
class Tale:
    """What happened: kills by kind, connections cut, the changes of state that met a death."""

    kills: Counter[str] = field(default_factory=Counter)
    cuts: int = 0
    seconds: float = 0
    met: set[tuple[str, str]] = field(default_factory=set)

    @property
    def killed(self) -> int:
        """Return how many were killed while there was something to do."""
        return self.kills["by itself"] + self.kills["at random"]

    @property
    def spared(self) -> list[tuple[str, str]]:
        """Return the changes and moments that no process died at."""
        return [(c, m) for c in CHANGES for m in MOMENTS if (c, m) not in self.met]


@dataclass
class Alive:
    """A living process: the death it is to die, if any, and how long it may live (real seconds).

    Its time counts from when it begins to work.
    """

    process: Any
    death: Death | None
    seconds: float
    born: float | None = None


@dataclass
class Loop:
    """``processes`` lives at a time, ``kills`` of them ended by force.

    As long as a change of state has not met a death at each of its moments, most processes are to
    die there; those that do not come to it, and the others, die at random. With ``fates`` instead,
    processes die those deaths one after the other, and no others.
    """

    engine: Engine
    life: Life
    processes: int
    kills: int
    seed: int = 0
    cuts: int = 0
    fates: Sequence[Death] = ()
    tale: Tale = field(default_factory=Tale)
    _alive: dict[str, Alive] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _morning: bool = False
    _longer: float = 1

    def run(self) -> Tale:
        """Go on until nothing is left to be done up to the end of the town's time."""
        self._dice = random.Random(self.seed)
        self._now = clock(self.life.folder)
        self._world = self.life.town.world()
        self._reported = False
        sqlite = self.engine.dialect.name == "sqlite"
        self._isolation = "SERIALIZABLE" if sqlite else "REPEATABLE READ"
        started = moved = time.monotonic()
        seen: Any = None
        try:
            while True:
                self._bury()
                state = self._tried(self._state)
                self._start()
                self._cut()
                if state != seen:
                    seen, moved = state, time.monotonic()
                # On a busy machine nothing gets done in lives that are too short.
                self._longer = 1 + (time.monotonic() - moved) / 2
                if time.monotonic() - moved > PATIENCE:
                    raise AssertionError(f"stuck at {self._now()}: {state}")
                if not state[0] and not self._move_on(state[1]):
                    break
                time.sleep(LOOK)
        finally:
            for owner in list(self._alive):
                self._kill(owner)
        self.tale.seconds = time.monotonic() - started
        return self.tale

    def _bury(self) -> None:
        for owner, one in list(self._alive.items()):
            if one.born is None and (self.life.folder / owner).exists():
                one.born = time.monotonic()
            if one.process.exitcode is not None:
                assert one.process.exitcode == -9, f"{owner} ended with {one.process.exitcode}"
                del self._alive[owner]
                self.tale.kills["by itself"] += 1
                self.tale.met.update(deaths(self.life.folder))
            elif one.born is not None and time.monotonic() > one.born + one.seconds:
                self._kill(owner)
                self.tale.kills["at random"] += 1

    def _kill(self, owner: str) -> None:
        process = self._alive.pop(owner).process
        process.kill()
        process.join()

    def _start(self) -> None:
        while len(self._alive) < self.processes:
            owner = f"life-{next(self._numbers)}"
            death, seconds = None, float("inf")
            if self.fates:
                death, self.fates = self.fates[0], self.fates[1:]
            elif self.tale.killed + len(self._alive) < self.kills:
                death = self._fate()
                seconds = self._dice.uniform(0.05, 0.5) + (0.5 if death else 0)
                seconds *= self._longer
            life = replace(self.life, owner=owner, death=death)
            process = CONTEXT.Process(target=live, args=(life,), daemon=True)
            process.start()
            self._alive[owner] = Alive(process, death, seconds)

    def _fate(self) -> Death | None:
        """Return a death that nobody has died yet and that can come now, or any, or none."""
        taken = {one.death[:2] for one in self._alive.values() if one.death}
        spared = [
            one
            for one in self.tale.spared
            if (one[0] in MORNING) == self._morning and one not in taken
        ]
        if spared:
            return Death(*self._dice.choice(spared))
        if self._dice.random() < 0.5:
            change = self._dice.choice(list(CHANGES))
            return Death(change, self._dice.choice(MOMENTS), self._dice.choice((1, 2, 3)))
        return None

    def _cut(self) -> None:
        due = self.tale.killed * self.cuts // max(1, self.kills)
        if self.tale.cuts < due:
            cut(self.life.url)
            self.tale.cuts += 1

    def _tried(self, what: Callable[[], Any]) -> Any:
        while True:
            try:
                return what()
            except OperationalError:  # our own connection was cut as well
                time.sleep(LOOK)

    def _state(self) -> tuple[int, datetime | None, Counter[str]]:
        """Return how much can be done now, when more can be, and the messages' states."""
        now, zone = self._now(), self._world.timezone
        ripe: list[datetime] = []
        # One state of the store: a mail is not to be overlooked between two questions.
        one_state = self.engine.execution_options(isolation_level=self._isolation)
        with store.reading(one_state) as session:
            stopped = pausing.current(session)
            messages = session.execute(
                select(
                    MESSAGES.c.state, MESSAGES.c.next_try_at, MESSAGES.c.lease_until,
                    MESSAGES.c.owner,
                ).where(MESSAGES.c.state.in_(("ready", "in_doubt", "sending", "handing")))
            ).all()  # fmt: skip
            notices: list[Any] = session.execute(
                select(NOTICES.c.release_at)
                .where(NOTICES.c.message_id.is_(None), NOTICES.c.reason.is_(None))
            ).scalars().all()  # fmt: skip
            occurrences: list[Any] = session.execute(
                select(OCCURRENCES.c.next_notice_at)
                .where(OCCURRENCES.c.next_notice_at.is_not(None))
            ).scalars().all()  # fmt: skip
        for row in messages:
            if row.state in ("sending", "handing"):
                # What a living process holds is waited for, however long that takes.
                ripe.append(now if row.owner in self._alive else row.lease_until)
            elif row.next_try_at is not None:
                ripe.append(max(row.next_try_at, stopped.until) if stopped else row.next_try_at)
        early = [sending(max(at, now), zone, self._world.workdays) for at in notices + occurrences]
        self._morning = any(at <= now for at in early)
        ripe += early
        coming = min((at for at in ripe if at > now), default=None)
        return sum(at <= now for at in ripe), coming, Counter(row.state for row in messages)

    def _move_on(self, coming: datetime | None) -> bool:
        """Move the clock to when more can be done; False when that is beyond the end."""
        if not self._reported and (coming is None or coming > DONE_ON):
            self._tried(lambda: self.life.town.report(self.engine, self._world))
            self._reported = True
            return True
        if coming is None or coming > ENDS:
            return False
        if self.tale.killed < self.kills and coming.date() != self._now().date():
            # The morning's work is for processes that are to die of it.
            for owner in list(self._alive):
                self._kill(owner)
                self.tale.kills["overnight"] += 1
            self._morning = True
        set_clock(self.life.folder, coming + timedelta(seconds=1))
        return True


def folder_of(tmp: Path) -> Path:
    """Return the folder in which the processes of a loop find their clock."""
    folder = tmp / "lives"
    folder.mkdir(parents=True, exist_ok=True)
    set_clock(folder, BEGINS)
    return folder


def spring(
    url: str, tmp: Path, processes: int, kills: int, seed: int, cuts: int = 0
) -> tuple[Tale, Verdict]:
    """Run a town's spring, four mails to a kill; return what happened and what came of it.

    ``cuts``: how often all connections to the database (PostgreSQL) are cut besides.
    """
    town = Town(max(12, kills * 2 // 3), gone=(1, 4, 7), done=(2, 7, 11))
    engine = town.build(url)
    with running(tmp / "mail", *FAULTS, seed=seed, port=free_port()) as server:
        life = Life(url, town, server.port, folder_of(tmp), owner="")
        tale = Loop(engine, life, processes, kills, seed, cuts).run()
        verdict = check(engine, server.accepted, town.planned())
    engine.dispose()
    return tale, verdict
