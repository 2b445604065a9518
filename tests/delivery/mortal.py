"""A process of the product that can be killed at any change of state.

It runs the product's own rounds, one after the other, against a store and a mail server, on a clock
that a file tells: all processes have the same one, and whoever holds the file can move it.
"""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from cli.round import Rounds
from notifications import claims, pause, pending
from notifications.desk import Desk
from notifications.journal import Journal
from notifications.monitor import Monitor
from notifications.smtp import Relay
from scheduler import projection, queries, store
from tests.delivery.town import Town

# Each change of state, by the function that makes it.
CHANGES: dict[str, tuple[Any, str]] = {
    "plan": (queries, "plan_notices"),
    "move on": (projection, "move_on"),
    "compose": (pending, "store"),
    "claim": (claims, "claim"),
    "fence": (claims, "fence"),
    "sent": (claims, "sent"),
    "put back": (claims, "put_back"),
    "fail": (claims, "fail"),
    "doubt": (claims, "doubt"),
    "recover": (claims, "recover"),
    "pause": (pause, "begin"),
}
MORNING = ("plan", "move on", "compose")  # made in the first second of a day, if at all
TELLS = ("claim", "fence", "sent", "fail", "recover", "pause")  # their result says if they did
MOMENTS = ("before", "uncommitted", "after")


class Death(NamedTuple):
    """When a process kills itself: before a change, before it is committed, or after.

    ``turn`` counts how often the moment comes, from 1. With SIGSTOP it only falls asleep.
    """

    change: str
    moment: str
    turn: int = 1
    by: signal.Signals = signal.SIGKILL


def deaths(folder: Path) -> list[tuple[str, str]]:
    """Return the change and moment of every process that killed itself, in order."""
    file = folder / "deaths"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(change, moment) for change, moment in (line.split("\t") for line in lines)]


@dataclass(frozen=True)
class Life:
    """All that a process is given. ``lease`` in seconds of the clock, ``timeout`` of real time."""

    url: str
    town: Town
    port: int
    folder: Path
    owner: str
    death: Death | None = None
    lease: int = 900
    timeout: float = 0.5
    carriers: int = 2
    rest: float = 0.05


def clock(folder: Path) -> Callable[[], datetime]:
    """Return the clock that a folder's file tells: an instant and when it was, in real seconds."""
    file = folder / "clock"

    def now() -> datetime:
        said, since = file.read_text().split("\t")
        return datetime.fromisoformat(said) + timedelta(seconds=time.monotonic() - float(since))

    return now


def set_clock(folder: Path, now: datetime) -> None:
    """Let the folder's clock go on from an instant (aware)."""
    draft = folder / "clock.new"
    draft.write_text(f"{now.isoformat()}\t{time.monotonic()}")
    draft.replace(folder / "clock")


def live(life: Life) -> None:
    """Run rounds until killed. What goes wrong in one is written down, and the next one is run."""
    engine = store.connect(life.url)
    if life.death:
        _prepare(engine, life.death, life.folder / "deaths")
    world, now = life.town.world(), clock(life.folder)
    way = Relay(
        "127.0.0.1", life.port, "none", "duban@x.example",
        timeout=life.timeout, carriers=life.carriers,
    )  # fmt: skip
    desk = Desk(Journal(life.folder / "journal", life.owner))
    lease = timedelta(seconds=life.lease)
    rounds = Rounds(engine, now, lambda: world, way, life.owner, lease, desk, Monitor(None))
    (life.folder / life.owner).touch()
    while os.getppid() != 1:
        try:
            rounds.run()
        except Exception:
            with (life.folder / "errors.log").open("a") as file:
                file.write(f"{life.owner}\n{traceback.format_exc()}\n")
        time.sleep(life.rest)


def _prepare(engine: Engine, death: Death, book: Path) -> None:
    """Make the process kill itself when the time has come."""
    module, name = CHANGES[death.change]
    usual = getattr(module, name)
    left = death.turn
    made = False  # whether the change is in the transaction that is open now

    def die() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            with book.open("a") as file:
                file.write(f"{death.change}\t{death.moment}\n")
            os.kill(os.getpid(), death.by)

    def change(*given: Any, **named: Any) -> Any:
        nonlocal made
        if death.moment == "before" and _anything(death.change, given):
            die()
        # Marked before the call where that can be known: a commit within it is a moment, too.
        made = made or (death.change not in TELLS and _anything(death.change, given))
        result = usual(*given, **named)
        made = made or (death.change in TELLS and bool(result))
        return result

    def uncommitted(_connection: Any) -> None:
        if made and death.moment == "uncommitted":
            die()

    def after(_session: Any) -> None:
        nonlocal made
        happened, made = made, False
        if happened and death.moment == "after":
            die()

    setattr(module, name, change)
    event.listen(engine, "commit", uncommitted)
    event.listen(Session, "after_commit", after)


def _anything(change: str, given: tuple[Any, ...]) -> bool:
    """Return whether a call changes anything: the engine also plans no rows at all."""
    return change not in ("plan", "move on") or bool(given[1])
