"""Many feeds are behind at once: all are brought up to date, by one process or by several."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from notifications import feed, feed_memory, feed_next, feed_signal, feeds, tokens
from notifications import upkeep as upkeeping
from notifications.feed_signal import Signal
from notifications.upkeep import Upkeep
from scheduler import queries
from scheduler.recording import Statement, record
from scheduler.store import reading, writing
from scheduler.tables import Feed
from tests.notifications.feed_samples import events
from tests.notifications.upkept import render_changed
from tests.scheduler.house import JUNE, PLAN, WORKFLOW, House, at, found

OWNERS = ("da", "xiao", "shi", "ju", "region:shi", "document:pair-2025")
NOON = at("2026-02-02 12:00")
EDIT = WORKFLOW.replace("title: 报送工作方案", "title: 报送方案").replace(
    "title: 报送进展表", "title: 报送进展"
)
AGAIN = EDIT.replace("title: 报送进展", "title: 报进展")


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Give a store with six feeds in use, all up to date."""
    built = House(tmp_path, "2026-01-09 10:00")
    with writing(built.engine) as session:
        for owner in OWNERS:
            tokens.create(session, owner, "手机", at("2026-01-09 11:00"))
    assert render_changed(built.engine, at("2026-02-02 09:00"), built.world) == len(OWNERS)
    return built


class Clock:
    """A process's time, which a test moves."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now


def process(
    house: House, take: Callable[[str], object] = str, clock: Clock | None = None
) -> Upkeep:
    """Return what one service of this store keeps its feeds with, after its first look."""
    time = clock or Clock()
    built = Upkeep(
        house.engine, lambda: time.now, lambda: feed_next.today(time.now, house.world),
        lambda: house.world, take,
    )  # fmt: skip
    built.look()
    return built


def title(house: House, owner: str, key: str = JUNE) -> str:
    with reading(house.engine) as session:
        row = session.get(Feed, owner)
    assert row is not None
    return str(events(row.body)[feed.uid(key)]["SUMMARY"]).partition("〔")[0]


def complete(house: House, when: datetime = NOON) -> None:
    with writing(house.engine) as session:
        record(session, Statement(PLAN, "completed"), when, "测试", house.world)


def behind(upkeep: Upkeep) -> set[str]:
    return {owner for owner in OWNERS if upkeep.behind(owner)}


def test_noticing_says_who_is_behind_before_anything_is_rendered(house: House) -> None:
    upkeep = process(house)
    assert behind(upkeep) == set()
    house.edit(found(EDIT), "2026-02-02 10:00")
    upkeep.notice()
    assert behind(upkeep) == set(OWNERS)
    assert title(house, "shi") == "报送进展表"
    assert upkeep.work() == len(OWNERS)
    assert behind(upkeep) == set()
    assert title(house, "shi") == "报送进展"


def test_one_that_is_asked_for_is_rendered_before_all_others(house: House) -> None:
    taken: list[str] = []
    upkeep = process(house, taken.append)
    house.edit(found(EDIT), "2026-02-02 10:00")
    upkeep.notice()
    taken.clear()
    assert upkeep.bring("ju")
    assert (taken, behind(upkeep)) == (["ju"], set(OWNERS) - {"ju"})
    assert not upkeep.bring("ju")  # it is as the store is
    assert upkeep.work() == len(OWNERS) - 1


def test_nothing_is_begun_while_somebody_waits(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    upkeep = process(house)
    house.edit(found(EDIT), "2026-02-02 10:00")
    upkeep.notice()
    order: list[str] = []
    in_hand, go_on = threading.Event(), threading.Event()
    render_one = feeds.render_one

    def slow(*given: Any) -> bytes:
        order.append(given[1])
        if given[1] == "ju":
            in_hand.set()
            assert go_on.wait(30)
        return render_one(*given)

    monkeypatch.setattr(feeds, "render_one", slow)
    with ThreadPoolExecutor(2) as threads:
        asked = threads.submit(upkeep.ask, "ju")
        assert in_hand.wait(30)
        rest = threads.submit(upkeep.work)
        time.sleep(0.3)
        assert order == ["ju"]
        go_on.set()
        assert asked.result(30)
        assert rest.result(30) == len(OWNERS) - 1
    assert sorted(order) == sorted(OWNERS)


def test_the_background_goes_on_after_a_while_whoever_waits(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeeping, "COURTESY", 0.01)
    upkeep = process(house)
    house.edit(found(EDIT), "2026-02-02 10:00")
    upkeep.notice()
    upkeep._wait_for(1)
    assert upkeep.work() == len(OWNERS)


def test_a_fact_puts_only_those_behind_whom_it_touches(house: House) -> None:
    upkeep = process(house)
    complete(house)
    upkeep.notice()
    assert behind(upkeep) == set(OWNERS) - {"shi"}
    assert upkeep.work() == len(OWNERS) - 1
    assert title(house, "xiao", PLAN) == title(house, "region:shi", PLAN) == "✓ 报送工作方案"


def test_a_fact_that_comes_while_a_feed_is_rendered_leaves_it_behind(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    upkeep = process(house)
    house.edit(found(EDIT), "2026-02-02 10:00")
    upkeep.notice()
    keep = feeds._keep

    def late(*given: object) -> bool:
        monkeypatch.setattr(feeds, "_keep", keep)
        complete(house)
        upkeep.notice()
        return keep(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(feeds, "_keep", late)
    # Its snapshot is from before the fact.
    assert upkeep.bring("da")
    assert title(house, "da", PLAN) == "报送方案"
    assert upkeep.behind("da")
    assert upkeep.bring("da")
    assert title(house, "da", PLAN) == "✓ 报送方案"
    assert not upkeep.behind("da")


def test_what_one_process_rendered_another_only_reads(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = process(house), process(house)
    house.edit(found(EDIT), "2026-02-02 10:00")
    complete(house)
    for upkeep in (one, other):
        upkeep.notice()
    rendered = []
    render_one = feeds.render_one
    monkeypatch.setattr(
        feeds, "render_one", lambda *given: rendered.append(given[1]) or render_one(*given)
    )
    assert one.bring("da")
    assert not other.bring("da")
    assert other.bring("xiao")
    assert one.work() + other.work() == len(OWNERS) - 2
    assert sorted(rendered) == sorted(OWNERS)
    assert behind(one) == behind(other) == set()


def test_several_processes_begin_with_different_feeds(house: House) -> None:
    order: list[list[str]] = []
    for _ in range(8):
        taken: list[str] = []
        upkeep = process(house, taken.append)
        upkeep._owe(OWNERS, Signal("x", 0, 0, 0), waits=True)
        order.append(list(upkeep._owed))
    assert len({tuple(one) for one in order}) > 1
    assert all(sorted(one) == sorted(OWNERS) for one in order)


def test_nobody_waits_because_a_day_has_passed(house: House) -> None:
    clock = Clock()
    upkeep = process(house, clock=clock)
    clock.now = NOON + timedelta(days=1)
    upkeep.notice()
    assert behind(upkeep) == set()
    assert upkeep.work() == len(OWNERS)
    clock.now = NOON + timedelta(days=2)
    complete(house, clock.now)  # but for what happened on it they do
    upkeep.notice()
    assert behind(upkeep) == set(OWNERS)


@pytest.mark.parametrize(("mark", "waits"), [("extended", False), ("horizon", True), ("workdays", True)])
def test_what_time_brings_is_waited_for_only_if_dates_may_move(
    house: House, mark: str, waits: bool
) -> None:
    upkeep = process(house)
    with writing(house.engine) as session:
        queries.set_mark(session, mark, "2031-01-01")
    upkeep.notice()
    assert behind(upkeep) == (set(OWNERS) if waits else set())
    assert upkeep.work() == len(OWNERS)


def test_a_process_that_begins_finds_what_was_left_undone(house: House) -> None:
    first = process(house)
    house.edit(found(EDIT), "2026-02-02 10:00")
    first.notice()
    first.bring("da")  # and then it is no more
    taken: list[str] = []
    second = process(house, taken.append)
    assert sorted(taken) == sorted(OWNERS)
    assert {title(house, owner) for owner in OWNERS[:4]} == {"报送进展"}
    assert second.look() == 0


def test_a_process_that_is_told_to_stop_leaves_the_rest_to_others(house: House) -> None:
    one = process(house, lambda _: one.stop())
    house.edit(found(EDIT), "2026-02-02 10:00")
    one.notice()
    assert one.work() == 1
    other = process(house)
    assert {title(house, owner) for owner in OWNERS[:4]} == {"报送进展"}
    assert other.look() == 0


def test_a_version_applied_in_between_is_rendered_with_its_own_world(house: House) -> None:
    house.edit(found(EDIT), "2026-02-02 10:00")
    upkeep = process(house)
    given = []

    def world() -> object:
        """Give the world as it is, and have another one applied right after that."""
        with reading(house.engine) as session:
            version = queries.newest_version(session)
        counted = replace(house.world, version=version)
        if not given:
            house.edit(found(AGAIN), "2026-02-02 11:00")
        given.append(version)
        return counted

    upkeep._world = world  # type: ignore[assignment]
    assert upkeep.bring("da") is False  # nothing was known to be behind
    house.edit(found(EDIT.replace("报送方案", "报方案")), "2026-02-02 10:30")
    upkeep.notice()
    assert upkeep.bring("da")
    assert len(given) == 2
    assert given[0] < given[1]
    assert title(house, "da") == "报进展"


def test_a_store_that_fails_in_between_leaves_nothing_undone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    upkeep = process(house)
    house.edit(found(EDIT), "2026-02-02 10:00")
    upkeep.notice()

    def away(*_: object) -> None:
        raise PoolTimeout("no connection to be had")

    with monkeypatch.context() as patch:
        patch.setattr(feed_next, "upcoming", away)
        with pytest.raises(PoolTimeout):
            upkeep.work()
        assert behind(upkeep) == set(OWNERS)
    assert upkeep.work() == len(OWNERS)
    assert title(house, "shi") == "报送进展"


def test_a_feed_that_cannot_be_rendered_keeps_nobody_waiting(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    upkeep = process(house)
    with monkeypatch.context() as patch:
        patch.setattr("notifications.feed.event", lambda *_: 1 / 0)
        complete(house)
        assert upkeep.look() == 0
        for _ in range(3):  # it is tried again, and said once
            assert behind(upkeep) == set()
            assert upkeep.look() == 0
    assert len(caplog.records) == len(OWNERS) - 1
    assert upkeep.look() == len(OWNERS) - 1
    assert title(house, "da", PLAN) == "✓ 报送工作方案"


def test_no_fault_whatever_loses_a_feed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    upkeep = process(house)
    complete(house)
    with monkeypatch.context() as patch:
        patch.setattr(feed_memory, "write", lambda *_: 1 / 0)
        assert upkeep.look() == 0
        with reading(house.engine) as session:
            assert set(feeds.faults(session)) == set(OWNERS) - {"shi"}
    assert upkeep.look() == len(OWNERS) - 1
    assert title(house, "da", PLAN) == "✓ 报送工作方案"
    with reading(house.engine) as session:
        assert feeds.faults(session) == {}


def test_a_signal_covers_what_it_is_later_than() -> None:
    one = Signal("2026-02-02,a,b,c,d", 5, 2, 7)
    assert one.covers(one)
    for other in (one._replace(fact=6), one._replace(version=3), one._replace(records=8),
                  one._replace(days="2026-02-03,a,b,c,d")):  # fmt: skip
        assert not one.covers(other)
    assert one._replace(fact=6).covers(one)
    assert not one._replace(fact=6, records=6).covers(one)
    assert Signal.of(str(one)) == one


def test_who_nobody_reads_any_more_is_forgotten(house: House) -> None:
    with writing(house.engine) as session:
        assert feed_signal.shown(session, "da") is not None
        tokens.revoke(session, 1, NOON)
        assert feed_signal.shown(session, "da") is None
