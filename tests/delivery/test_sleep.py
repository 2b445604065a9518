"""A process sleeps past its lease with a mail in its hands, others go on, and it wakes up.

A virtual machine is paused, a laptop is closed: the process knows nothing of it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from scheduler import store
from scheduler.queries import MESSAGES
from tests.delivery.checker import Verdict, check
from tests.delivery.kill_loop import CONTEXT, Loop, folder_of
from tests.delivery.mortal import Death, Life, clock, deaths, live, set_clock
from tests.delivery.town import BEGINS, Town
from tests.mailserver.running import running

TOWN = Town(2)
SECOND_DAY = BEGINS + timedelta(days=12)  # its mails are statutory
ASLEEP = timedelta(seconds=901)
REPEAT = timedelta(minutes=16)

pytestmark = pytest.mark.system
MOMENTS = [("claim", "after"), ("fence", "before"), ("fence", "after"), ("sent", "before")]


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.03)


def moving(engine: Engine) -> set[str]:
    """Return the states of the mails that are on their way; ``none`` before there are any.

    A mail in doubt counts as long as it is to be repeated.
    """
    with store.reading(engine) as session:
        found = session.execute(select(MESSAGES.c.state, MESSAGES.c.next_try_at)).all()
    on_the_way = {
        state
        for state, at in found
        if state in ("ready", "sending", "handing") or (state == "in_doubt" and at)
    }
    return on_the_way if found else {"none"}


def sleep_over(url: str, tmp: Path, begins: datetime, change: str, moment: str) -> Verdict:
    """Let one process sleep in its first mail and another take over; return the verdict."""
    engine = TOWN.build(url)
    with running(tmp / "mail") as server:
        folder = folder_of(tmp)
        set_clock(folder, begins)
        now = clock(folder)
        life = Life(url, TOWN, server.port, folder, owner="sleeper", carriers=1)
        nap = Death(change, moment, by=signal.SIGSTOP)
        sleeper = CONTEXT.Process(target=live, args=(replace(life, death=nap),), daemon=True)
        other = CONTEXT.Process(target=live, args=(replace(life, owner="other"),), daemon=True)
        sleeper.start()
        until(lambda: bool(deaths(folder)))
        other.start()
        try:
            set_clock(folder, now() + ASLEEP)
            until(lambda: moving(engine) <= {"in_doubt"})
            set_clock(folder, now() + REPEAT)
            until(lambda: not moving(engine))
            assert sleeper.pid
            os.kill(sleeper.pid, signal.SIGCONT)
            time.sleep(0.5)
            assert sleeper.is_alive()
        finally:
            for process in (sleeper, other):
                process.kill()
                process.join()
        Loop(engine, life, 1, 0).run()
        planned = TOWN.planned()
        if begins != BEGINS:  # the first rung collapsed into the second
            planned = {one for one in planned if one.rung != "before-14d"}
        verdict = check(engine, server.accepted, planned)
    engine.dispose()
    return verdict


def judge(verdict: Verdict, statutory: bool, change: str, moment: str) -> None:
    assert (verdict.lost, verdict.doubled, verdict.wrong) == ([], [], [])
    # Behind the point of no return a statutory mail was repeated while its first bearer slept,
    # unless the journal of that one already had the receipt.
    beyond = (change, moment) == ("fence", "after")
    assert (verdict.repeated, verdict.held) == (int(statutory and beyond), 0)


@pytest.mark.parametrize("statutory", [False, True])
@pytest.mark.parametrize(("change", "moment"), MOMENTS)
def test_a_sleeper_on_sqlite(tmp_path: Path, change: str, moment: str, statutory: bool) -> None:
    begins = SECOND_DAY if statutory else BEGINS
    url = f"sqlite:///{tmp_path / 'duban.db'}"
    judge(sleep_over(url, tmp_path, begins, change, moment), statutory, change, moment)


@pytest.mark.parametrize("statutory", [False, True])
@pytest.mark.parametrize(("change", "moment"), MOMENTS)
def test_a_sleeper_on_postgresql(
    postgresql: str, tmp_path: Path, change: str, moment: str, statutory: bool
) -> None:
    begins = SECOND_DAY if statutory else BEGINS
    judge(sleep_over(postgresql, tmp_path, begins, change, moment), statutory, change, moment)
