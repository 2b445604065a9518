"""Where many feeds change at once, each is served as soon as it is ready, the wanted ones first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from notifications import feed, feeds, tokens
from scheduler.recording import Statement, record
from scheduler.store import reading, writing
from scheduler.tables import Feed
from tests.notifications.feed_samples import events
from tests.scheduler.house import JUNE, PLAN, WORKFLOW, House, at, found

OWNERS = ("da", "xiao", "shi", "ju", "region:shi", "document:pair-2025")
NOON = at("2026-02-02 12:00")
EDIT = WORKFLOW.replace("title: 报送工作方案", "title: 报送方案").replace(
    "title: 报送进展表", "title: 报送进展"
)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """Give a store with six feeds in use, two a batch, fetched in the order in which they stand."""
    monkeypatch.setattr(feeds, "BATCH", 2)
    built = House(tmp_path, "2026-01-09 10:00")
    with writing(built.engine) as session:
        for owner in reversed(OWNERS):
            tokens.create(session, owner, "手机", at("2026-01-09 11:00"))
        numbers = {row.institution: row.id or 0 for row in tokens.listed(session)}
        tokens.note_fetches(
            session,
            {
                numbers[owner]: (at(f"2026-01-09 11:{59 - place}"), "手机")
                for place, owner in enumerate(OWNERS[:4])  # the last two never
            },
        )
    feeds.render_changed(built.engine, at("2026-01-09 12:00"), built.world)
    return built


def title(house: House, owner: str, key: str = JUNE) -> str:
    with reading(house.engine) as session:
        row = session.get(Feed, owner)
    assert row is not None
    return str(events(row.body)[feed.uid(key)]["SUMMARY"]).partition("〔")[0]


def test_those_fetched_last_are_ready_first_and_nobody_waits_for_the_others(house: House) -> None:
    house.edit(found(EDIT), "2026-02-02 10:00")
    told: list[tuple[Sequence[str], int]] = []

    def take(owners: Sequence[str]) -> None:
        ready = sum(title(house, owner) == "报送进展" for owner in ("shi", "ju", "region:shi"))
        told.append((owners, ready))

    assert feeds.render_changed(house.engine, NOON, house.world, take=take) == 6
    assert told == [(["da", "xiao"], 0), (["shi", "ju"], 2), (["document:pair-2025", "region:shi"], 3)]


def test_what_is_recorded_meanwhile_goes_before_what_waits(house: House) -> None:
    house.edit(found(EDIT), "2026-02-02 10:00")
    order: list[str] = []

    def take(owners: Sequence[str]) -> None:
        if not order:
            with writing(house.engine) as session:
                record(session, Statement(PLAN, "completed"), NOON, "测试", house.world)
        order.extend(owners)

    feeds.render_changed(house.engine, NOON, house.world, take=take)
    # The two hospitals again, then those above them whom it concerns, and no one is left out.
    assert order[:4] == ["da", "xiao", "da", "xiao"]
    assert set(order[4:]) == set(OWNERS[2:])
    assert title(house, "da", PLAN) == title(house, "xiao", PLAN) == "✓ 报送方案"
    assert feeds.render_changed(house.engine, NOON, house.world) == 0


def test_a_version_applied_meanwhile_begins_anew_with_the_new_world(house: House) -> None:
    house.edit(found(EDIT), "2026-02-02 10:00")
    again = EDIT.replace("title: 报送进展", "title: 报进展")
    world = house.world
    rendered = feeds.render_changed(
        house.engine, NOON, world, take=lambda _: house.edit(found(again), "2026-02-02 11:00")
    )
    assert rendered == 2
    assert feeds.render_changed(house.engine, NOON, house.world) == 6
    assert {title(house, owner) for owner in OWNERS[2:]} == {"报进展"}


def test_a_store_that_fails_in_between_leaves_nothing_undone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.edit(found(EDIT), "2026-02-02 10:00")

    def away(*_: object) -> None:
        raise PoolTimeout("no connection to be had")

    with monkeypatch.context() as patch:
        patch.setattr(feeds, "upcoming", away)
        with pytest.raises(PoolTimeout):
            feeds.render_changed(house.engine, NOON, house.world)
    assert feeds.render_changed(house.engine, NOON, house.world) == 6
    assert title(house, "shi") == "报送进展"
