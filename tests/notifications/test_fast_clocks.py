"""Two processes at two thousand times the speed, on clocks that are hours apart, a slow server.

A lease then ends in less real time than the server takes to answer. What may be handed over twice
is what may be in any case: statutory mail in doubt. Ordinary mail is not, and none is lost.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Engine, select

from cli.round import Rounds
from notifications.desk import Desk
from notifications.journal import Journal
from notifications.monitor import Monitor
from notifications.smtp import Relay
from scheduler import store
from scheduler.queries import MESSAGES
from tests.delivery.town import ZONE, Town
from tests.mailserver.running import running

CONTEXT = multiprocessing.get_context("forkserver")
RATE = 2000
LEASE = timedelta(seconds=900)  # less than half a real second
ORDINARY = datetime(2026, 3, 9, 9, tzinfo=ZONE)
STATUTORY = datetime(2026, 3, 18, 9, tzinfo=ZONE)
TOWN = Town(3)
MAILS = 6
SLOW = {"at": "dot", "do": "delay", "ms": 3000}
SLOW_TO_GREET = {"at": "greeting", "do": "delay", "ms": 1000}
BEHIND = timedelta(hours=1)  # how far one clock is behind the other
PATIENCE = 75.0  # real seconds; less than two days of the clocks


class Task(NamedTuple):
    """What one process does: rounds from ``at`` on, until all is sent."""

    url: str
    port: int
    folder: Path
    owner: str
    at: datetime


def work(task: Task, both: Any) -> None:
    engine, world = store.connect(task.url), TOWN.world()
    way = Relay("127.0.0.1", task.port, "none", "duban@x.example", timeout=8, carriers=2)
    desk = Desk(Journal(task.folder / "journal", task.owner))
    both.wait()
    begins = time.monotonic()

    def now() -> datetime:
        return task.at + timedelta(seconds=(time.monotonic() - begins) * RATE)

    rounds = Rounds(engine, now, lambda: world, way, task.owner, LEASE, desk, Monitor(None))
    while time.monotonic() < begins + PATIENCE and [*states(engine)] != ["sent"] * MAILS:
        rounds.run()
        time.sleep(0.2)
    engine.dispose()


def states(engine: Engine) -> Iterator[str]:
    with store.reading(engine) as session:
        yield from session.execute(select(MESSAGES.c.state)).scalars()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        found: str = request.getfixturevalue("postgresql")
        return found
    return f"sqlite:///{tmp_path / 'duban.db'}"


@pytest.mark.parametrize(("first", "may_repeat"), [(ORDINARY, False), (STATUTORY, True)])
@pytest.mark.parametrize("rule", [SLOW, SLOW_TO_GREET], ids=["answer", "greeting"])
def test_only_doubtful_statutory_mail_goes_twice(
    url: str, tmp_path: Path, rule: dict[str, Any], first: datetime, may_repeat: bool
) -> None:
    engine, both = TOWN.build(url), CONTEXT.Barrier(2)
    with running(tmp_path / "mail", rule) as server:
        clocks = {"ahead": first + BEHIND, "behind": first}
        processes = [
            CONTEXT.Process(target=work, args=(Task(url, server.port, tmp_path, *one), both))
            for one in clocks.items()
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(2 * PATIENCE)
        assert [process.exitcode for process in processes] == [0, 0]
        got = Counter(one.message_id for one in server.accepted)
    with store.reading(engine) as session:
        rows = session.execute(select(MESSAGES)).all()
    engine.dispose()
    assert len(rows) == MAILS
    assert {row.statutory for row in rows} == {may_repeat}
    for row in rows:
        said = f"{row.recipient}: {row.state}, handed {row.handed}, accepted {got[row.message_id]}"
        assert row.state == "sent", said
        assert 1 <= got[row.message_id] <= (2 if may_repeat else 1), said
        assert got[row.message_id] <= row.handed, said
