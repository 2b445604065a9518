"""The feeds of a region, a pairing and a document: what belongs, and who is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from notifications import feed, feed_scopes, feeds, tokens
from notifications.feed import Owner
from scheduler.recording import Statement, record
from scheduler.refusals import Refused
from scheduler.store import reading, writing
from scheduler.tables import Feed
from tests.notifications.feed_samples import check_bytes, events
from tests.notifications.upkept import render_changed
from tests.scheduler.house import (
    INSTITUTIONS,
    JUNE,
    PAIRINGS,
    PLAN,
    TABLES,
    WORKFLOW,
    House,
    at,
    found,
)

OTHER = "pair-2025/plan/da.xiao2/once"
TWO = TABLES | {"pairings.csv": PAIRINGS + "da.xiao2,da,xiao2,附件第2行,,,,,\n"}
BEGIN = at("2026-01-10 10:00")


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Give a store with one hospital that supports two."""
    house = House(tmp_path, "2026-01-09 10:00")
    house.edit(found(WORKFLOW, TWO), "2026-01-10 09:00")
    return house


def shown(house: House, owner: str) -> dict[str, str]:
    body = feeds.render_one(house.engine, owner, BEGIN, house.world)
    check_bytes(body)
    return {uid.removesuffix("@duban"): str(one["SUMMARY"]) for uid, one in events(body).items()}


def test_a_region_has_all_below_it_and_names_who_reports_for_whom(house: House) -> None:
    titles = shown(house, "region:shi")
    assert titles[PLAN] == "报送工作方案〔由甲市人民医院负责，乙县人民医院〕"
    assert titles[OTHER] == "报送工作方案〔由甲市人民医院负责，丙县人民医院〕"
    assert titles[JUNE] == "报送进展表"  # its own
    assert set(titles) >= set(shown(house, "xiao")) | set(shown(house, "da"))
    above = shown(house, "region:ju")
    assert set(above) >= set(titles)
    assert above[JUNE] == "报送进展表〔由甲市卫健委负责〕"


def test_a_change_concerns_whom_it_touches_and_no_other_pairing(house: House) -> None:
    owners = [
        "da", "xiao", "xiao2", "region:ju", "document:pair-2025", "document:other",
        "pairing:pair-2025/da.xiao", "pairing:pair-2025/da.xiao2", "pairing:other/da.xiao",
    ]  # fmt: skip
    assert feed_scopes.concerned(owners, {PLAN: ["da", "xiao"]}, house.world) == {
        "da", "xiao", "region:ju", "document:pair-2025", "pairing:pair-2025/da.xiao",
    }  # fmt: skip
    # Of a key whose row is gone nobody knows whom it touched.
    assert feed_scopes.concerned(owners, {PLAN: []}, house.world) == {
        "document:pair-2025", "pairing:pair-2025/da.xiao", "pairing:pair-2025/da.xiao2",
    }  # fmt: skip
    # A pairing that is no longer applied may still show what is cancelled.
    left = ["pairing:pair-2025/da.gone"]
    assert feed_scopes.concerned(left, {PLAN: ["da", "xiao"]}, house.world) == set(left)


def test_a_pairing_has_its_own_and_nothing_of_the_other(house: House) -> None:
    titles = shown(house, "pairing:pair-2025/da.xiao2")
    assert titles[OTHER] == "报送工作方案〔由甲市人民医院负责〕"
    assert PLAN not in titles
    assert JUNE not in titles
    assert {key.split("/")[2] for key in titles} == {"da.xiao2"}


def test_a_document_has_everything(house: House) -> None:
    titles = shown(house, "document:pair-2025")
    assert {PLAN, OTHER, JUNE, "pair-2025/unknown/all/once"} <= set(titles)
    assert titles[PLAN] == "报送工作方案〔由甲市人民医院负责，乙县人民医院〕"


def test_the_feeds_bear_names_that_tell_them_apart(house: House) -> None:
    names = {
        text: feed_scopes.owner(text, house.world).name
        for text in (
            "shi",
            "region:shi",
            "pairing:pair-2025/da.xiao",
            "document:pair-2025",
            "nobody",
        )
    }
    assert names == {
        "shi": "甲市卫健委",
        "region:shi": "甲市卫健委（辖区）",
        "pairing:pair-2025/da.xiao": "甲市人民医院—乙县人民医院",
        "document:pair-2025": "某卫发〔2025〕1号",
        "nobody": "nobody",
    }
    in_city = INSTITUTIONS.replace("shi,甲市卫健委,authority,,,", "shi,甲市卫健委,authority,,甲市,")
    house.edit(found(WORKFLOW, TWO | {"institutions.csv": in_city}), "2026-01-11 10:00")
    assert feed_scopes.owner("region:shi", house.world).name == "甲市（辖区）"


def test_an_empty_scope_has_its_own_information_event() -> None:
    one, other = Owner("shi", "甲"), Owner("region:shi", "甲（辖区）")
    uids = {uid for who in (one, other) for uid in events(feed.assemble(who, [], BEGIN.date()))}
    assert uids == {"info/shi/2026@duban", "info/region:shi/2026@duban"}


def test_a_fact_renders_the_scopes_that_it_concerns_and_no_others(house: House) -> None:
    owners = (
        "region:shi",
        "pairing:pair-2025/da.xiao",
        "document:pair-2025",
        "document:other",
        "xiao2",
    )
    with writing(house.engine) as session:
        for owner in owners:
            tokens.create(session, owner, "手机", BEGIN)
    assert render_changed(house.engine, BEGIN, house.world) == 5
    with writing(house.engine) as session:
        record(session, Statement(PLAN, "completed"), at("2026-01-10 12:00"), "测试", house.world)
    assert render_changed(house.engine, at("2026-01-10 12:01"), house.world) == 3
    for owner in owners[:3]:
        with reading(house.engine) as session:
            row = session.get(Feed, owner)
        assert row is not None
        assert str(events(row.body)[feed.uid(PLAN)]["SUMMARY"]).startswith("✓ ")


def test_a_pairing_that_ends_is_cancelled_in_its_feed(house: House) -> None:
    owner = "pairing:pair-2025/da.xiao2"
    assert not shown(house, owner)[OTHER].startswith("【取消】")
    house.edit(found(WORKFLOW, TABLES), "2026-01-10 11:00")
    assert all(title.startswith("【取消】") for title in shown(house, owner).values())


@pytest.mark.parametrize(
    "asked",
    [{}, {"institution": "没有的"}, {"institution": "da", "region": True}, {"document": "x"},
     {"document": "pair-2025", "recipient": "xiao"}, {"institution": "da", "supporter": "da"}],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(house: House, asked: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        feed_scopes.asked(house.world, **asked)  # type: ignore[arg-type]
    assert refused.value.hint
