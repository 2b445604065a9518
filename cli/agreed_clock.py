"""Processes on one store whose clocks are not the real one go by one time: the foremost's.

Each goes on from the last round when it starts, and at a high rate seconds of starting are days: a
process that took what the others have done for the future would undo it. So each says in the store,
once a second, what its clock shows, and puts it forward to that of any other that lives. One that
has said nothing since this process began may be dead; its clock went no further.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from cli.running_clock import Running
from scheduler import queries
from scheduler.store import writing

NAME = "clocks"
BEAT = 1.0  # real seconds between two words of a process
LATELY = 10.0  # real seconds after its last word in which another process may live
HEARING = 3.0  # real seconds in which one that lives is sure to be heard


@dataclass
class Agreed:
    """The clock of one process, named ``owner``, and what it hears of the others'."""

    engine: Engine
    clock: Running
    owner: str
    began: float = field(default_factory=time.time)
    _agreed: bool = False

    def then(self, job: Callable[[], object]) -> Callable[[], object]:
        """Return a job that begins, the first time, when the others' time is known."""

        def run() -> object:
            if not self._agreed:
                self._listen()
                self._agreed = True
            return job()

        return run

    def _listen(self) -> None:
        until = time.monotonic() + HEARING
        while self.beat() and time.monotonic() < until:
            time.sleep(BEAT / 4)

    def beat(self) -> bool:
        """Say what the clock shows, put forward to that of any other that lives.

        Returns whether another may live that has not been heard since this process began.
        """
        with writing(self.engine) as session:
            before = queries.mark(session, NAME)
            real = time.time()
            said: dict[str, dict[str, Any]] = json.loads(before) if before else {}
            said = {who: word for who, word in said.items() if word["real"] > real - LATELY}
            others = [word for who, word in said.items() if who != self.owner]
            heard = [word for word in others if word["real"] >= self.began]
            for word in heard:
                if word["rate"] == self.clock.rate:
                    passed = timedelta(seconds=(real - word["real"]) * word["rate"])
                    self.clock.forward(datetime.fromisoformat(word["at"]) + passed)
            shown = {"at": self.clock().isoformat(), "real": real, "rate": self.clock.rate}
            queries.set_mark(session, NAME, json.dumps(said | {self.owner: shown}))
        return bool(others) and not heard
