"""Fast clocks of several processes on one store go by the foremost, and by no dead one's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from cli import agreed_clock
from cli.agreed_clock import Agreed
from cli.running_clock import Running
from scheduler import store
from tests.scheduler.house import at

RATE = 20_000.0
START = at("2026-03-05 09:00")
NEAR = timedelta(seconds=RATE / 2)  # half a real second


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = store.connect(f"sqlite:///{tmp_path / 'duban.db'}")
    store.migrate(engine)
    yield engine
    engine.dispose()


def process(
    engine: Engine, owner: str, begins: datetime = START, rate: float = RATE, age: float = 0
) -> Agreed:
    """Return a process's clock; it began ``age`` real seconds ago."""
    clock = Running(begins, rate)
    clock.go()
    return Agreed(engine, clock, owner, time.time() - age)


def test_who_is_behind_goes_on_from_the_foremost(engine: Engine) -> None:
    ahead = process(engine, "ahead", START + timedelta(days=3), age=60)
    behind = process(engine, "behind", age=1)
    ahead.beat()
    behind.beat()
    assert abs(behind.clock() - ahead.clock()) < NEAR
    before = ahead.clock()
    ahead.beat()  # never back
    assert before <= ahead.clock() < before + NEAR


def test_time_that_passed_since_the_word_counts(engine: Engine) -> None:
    ahead, behind = process(engine, "ahead", START + timedelta(days=3)), process(engine, "behind")
    ahead.beat()
    time.sleep(0.6)
    behind.beat()
    assert abs(behind.clock() - ahead.clock()) < NEAR


def test_a_word_from_before_the_start_is_not_followed(engine: Engine) -> None:
    process(engine, "dead", START + timedelta(days=3)).beat()
    time.sleep(0.01)
    born = process(engine, "born")
    assert born.beat()  # it may live, though
    assert born.clock() < START + timedelta(days=1)


def test_a_clock_of_another_rate_is_not_followed(engine: Engine) -> None:
    other, one = (
        process(engine, "other", START + timedelta(days=3), rate=60),
        process(engine, "one"),
    )
    other.beat()
    one.beat()
    assert one.clock() < START + timedelta(days=1)


def test_the_first_round_waits_until_a_living_other_is_heard(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreed_clock, "HEARING", 1.0)
    alone: list[float] = []
    begun = time.monotonic()
    process(engine, "alone").then(lambda: alone.append(time.monotonic() - begun))()
    assert alone[0] < 0.9  # nobody to wait for
    born = process(engine, "born")
    waited: list[float] = []
    round_ = born.then(lambda: waited.append(time.monotonic() - begun))
    begun = time.monotonic()
    round_()
    round_()
    assert waited[0] >= 1.0  # the first one may live, and says nothing
    assert waited[1] - waited[0] < 0.9  # that was asked once
