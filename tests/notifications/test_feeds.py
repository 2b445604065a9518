"""Feeds kept ready in the store: rendered where something changed, good bytes never lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from notifications import feed, feeds, tokens
from scheduler.recording import Statement, record
from scheduler.store import reading, writing
from scheduler.tables import Feed
from tests.notifications.feed_samples import check_bytes, events
from tests.notifications.upkept import render_changed
from tests.scheduler.house import JUNE, PLAN, WORKFLOW, House, at, found


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Give a store in which the document was adopted on 2026-01-09."""
    return House(tmp_path, "2026-01-09 10:00")


def subscribe(house: House, institution: str, when: str = "2026-01-09 11:00") -> str:
    with writing(house.engine) as session:
        return tokens.create(session, institution, "值班手机", at(when))[1]


def stored(house: House, institution: str) -> Feed | None:
    with reading(house.engine) as session:
        return session.get(Feed, institution)


def shown(house: House, institution: str) -> dict[str, str]:
    row = stored(house, institution)
    assert row is not None
    check_bytes(row.body)
    return {uid: str(event["SUMMARY"]) for uid, event in events(row.body).items()}


def do(house: House, key: str, when: datetime) -> None:
    with writing(house.engine) as session:
        record(session, Statement(key, "completed"), when, "测试", house.world)


def test_only_institutions_with_an_address_are_rendered(house: House) -> None:
    subscribe(house, "da")
    assert render_changed(house.engine, at("2026-01-09 11:00"), house.world) == 1
    assert stored(house, "shi") is None
    assert shown(house, "da")[feed.uid(PLAN)] == "报送工作方案"


def test_nothing_is_rendered_again_while_nothing_changes(house: House) -> None:
    subscribe(house, "da")
    now = at("2026-01-09 11:00")
    render_changed(house.engine, now, house.world)
    assert render_changed(house.engine, now, house.world) == 0
    moved = replace(house.world, base_url="https://moved.example")
    assert render_changed(house.engine, now, moved) == 1  # the links in it are others
    row = stored(house, "da")
    assert row is not None
    assert b"https://moved.example/items/" in row.body.replace(b"\r\n ", b"")


def test_a_fact_renders_only_the_feeds_that_it_concerns(house: House) -> None:
    for institution in ("da", "xiao", "shi"):
        subscribe(house, institution)
    render_changed(house.engine, at("2026-01-09 11:00"), house.world)
    do(house, PLAN, at("2026-01-09 12:00"))
    assert render_changed(house.engine, at("2026-01-09 12:01"), house.world) == 2
    assert shown(house, "da")[feed.uid(PLAN)] == "✓ 报送工作方案"
    assert shown(house, "xiao")[feed.uid(PLAN)] == "✓ 报送工作方案〔由甲市人民医院负责〕"


def test_a_fact_moves_stamps_and_validators(house: House) -> None:
    subscribe(house, "da")
    render_changed(house.engine, at("2026-01-09 11:00"), house.world)
    before = stored(house, "da")
    do(house, PLAN, at("2026-01-09 12:00"))
    render_changed(house.engine, at("2026-01-09 12:00"), house.world)
    after = stored(house, "da")
    assert before is not None
    assert after is not None
    assert before.etag != after.etag
    assert before.modified_at < after.modified_at
    old, new = events(before.body)[feed.uid(PLAN)], events(after.body)[feed.uid(PLAN)]
    assert new["SEQUENCE"] > old["SEQUENCE"]
    assert new["DTSTAMP"].dt > old["DTSTAMP"].dt
    same = feed.uid(JUNE)
    assert events(before.body)[same].to_ical() == events(after.body)[same].to_ical()


def test_an_edit_moves_the_event_under_its_old_uid(house: House) -> None:
    subscribe(house, "da")
    render_changed(house.engine, at("2026-01-09 11:00"), house.world)
    house.edit(found(WORKFLOW.replace("on: 2026-03-20", "on: 2026-03-27")), "2026-02-02 10:00")
    render_changed(house.engine, at("2026-02-02 10:00"), house.world)
    row = stored(house, "da")
    assert row is not None
    event = events(row.body)[feed.uid(PLAN)]
    assert event["DTSTART"].dt.isoformat() == "2026-03-27"
    assert event["SEQUENCE"] == 1


def test_what_an_edit_removes_stays_cancelled_for_thirty_days(house: House) -> None:
    subscribe(house, "da")
    render_changed(house.engine, at("2026-01-09 11:00"), house.world)
    start = WORKFLOW.index("  - id: plan")
    without = WORKFLOW[:start] + WORKFLOW[WORKFLOW.index("  - id: progress") :]
    house.edit(found(without), "2026-02-02 10:00")
    render_changed(house.engine, at("2026-02-02 10:00"), house.world)
    assert shown(house, "da")[feed.uid(PLAN)] == "【取消】报送工作方案"
    render_changed(house.engine, at("2026-03-03 10:00"), house.world)
    assert feed.uid(PLAN) in shown(house, "da")
    render_changed(house.engine, at("2026-03-05 10:00"), house.world)
    assert feed.uid(PLAN) not in shown(house, "da")


def test_a_new_year_moves_the_window(house: House) -> None:
    subscribe(house, "shi")
    render_changed(house.engine, at("2026-12-31 23:59"), house.world)
    assert render_changed(house.engine, at("2027-01-01 00:01"), house.world) == 1


def test_the_last_good_bytes_stay_when_rendering_fails(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(house, "da")
    render_changed(house.engine, at("2026-01-09 11:00"), house.world)
    good = stored(house, "da")
    do(house, PLAN, at("2026-01-09 12:00"))

    def broken(*_: object) -> bytes:
        raise RuntimeError("no more paper")

    with monkeypatch.context() as patch:
        patch.setattr("notifications.feed.event", broken)
        assert render_changed(house.engine, at("2026-01-09 12:01"), house.world) == 0
    row = stored(house, "da")
    assert row is not None
    assert good is not None
    assert row.body == good.body
    assert row.fault == "RuntimeError: no more paper"
    feeds.render_one(house.engine, "da", at("2026-01-09 12:02"), house.world)
    healed = stored(house, "da")
    assert healed is not None
    assert healed.fault is None
    assert shown(house, "da")[feed.uid(PLAN)] == "✓ 报送工作方案"


def test_what_failed_is_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribe(house, "da")
    render_changed(house.engine, at("2026-01-09 11:00"), house.world)
    do(house, PLAN, at("2026-01-09 12:00"))

    def broken(*_: object) -> bytes:
        raise RuntimeError("once")

    with monkeypatch.context() as patch:
        patch.setattr("notifications.feed.event", broken)
        render_changed(house.engine, at("2026-01-09 12:01"), house.world)
    assert render_changed(house.engine, at("2026-01-09 12:02"), house.world) == 1
    assert shown(house, "da")[feed.uid(PLAN)] == "✓ 报送工作方案"


def test_a_secret_is_kept_only_as_its_hash(house: House) -> None:
    secret = subscribe(house, "da")
    assert tokens.SECRET.fullmatch(secret)
    with reading(house.engine) as session:
        (row,) = tokens.listed(session)
    assert row.hash == tokens.digest(secret)
    assert secret not in repr(row.model_dump())
    assert subscribe(house, "da") != secret


def test_a_feed_that_nobody_reads_is_not_kept_to_grow_stale(house: House) -> None:
    for _ in range(2):
        subscribe(house, "da")
    render_changed(house.engine, at("2026-01-09 11:00"), house.world)
    for number, kept in ((1, True), (2, False)):
        with writing(house.engine) as session:
            tokens.revoke(session, number, at("2026-01-10 10:00"))
        assert (stored(house, "da") is not None) is kept
    do(house, PLAN, at("2026-01-10 12:00"))
    render_changed(house.engine, at("2026-01-10 12:01"), house.world)
    subscribe(house, "da", "2026-01-10 13:00")
    render_changed(house.engine, at("2026-01-10 13:00"), house.world)
    assert shown(house, "da")[feed.uid(PLAN)] == "✓ 报送工作方案"


def test_revoking_ends_the_subscription_once(house: House) -> None:
    subscribe(house, "da")
    for minute in (0, 5):
        with writing(house.engine) as session:
            row = tokens.revoke(session, 1, at(f"2026-01-10 10:0{minute}"))
            assert row is not None
            assert row.revoked_at == at("2026-01-10 10:00")
    with writing(house.engine) as session:
        assert tokens.revoke(session, 99, at("2026-01-10 10:00")) is None
        assert tokens.subscribed(session) == set()
