"""What the store remembers of feeds: over restarts, upgrades, absence, faults, and bad names."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from notifications import feed, feed_assembly, feed_changes, feed_memory, feed_next, feeds, tokens
from notifications.feed import DEFAULT, Variant
from notifications.feed_memory import EVENTS
from notifications.feed_scopes import owner as named
from scheduler import queries, recorded, shifts, store
from scheduler.recording import Statement, record
from scheduler.refusals import Refused
from scheduler.store import reading, writing
from scheduler.tables import Feed
from tests.notifications.feed_samples import check_bytes, events, read_by_all
from tests.notifications.upkept import render_changed
from tests.scheduler.house import INSTITUTIONS, PAIRINGS, PLAN, TABLES, WORKFLOW, House, at, found
from tests.scheduler.test_rotating import ROTATING
from tests.scheduler.test_shifts import GAP, HANDOVER, PREFIX, entry

OWNERS = ("da", "xiao", "shi", "region:ju", "pairing:pair-2025/da.xiao", "document:pair-2025")
UID = feed.uid(PLAN)
WEEKLY = WORKFLOW.replace("{per: month, at_least", "{per: week, at_least")
ALL = Variant(alarms=True, frequent=True)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path, "2026-01-09 10:00")


def subscribe(house: House, *owners: str, when: str = "2026-01-09 11:00") -> None:
    with writing(house.engine) as session:
        for owner in owners:
            tokens.create(session, owner, "手机", at(when))


def row(house: House, owner: str = "da") -> Feed:
    with reading(house.engine) as session:
        kept = session.get(Feed, owner)
    assert kept is not None
    return kept


def stamps(body: bytes) -> dict[str, tuple[int, str]]:
    return {
        uid: (int(one["SEQUENCE"]), one["DTSTAMP"].to_ical().decode())
        for uid, one in events(body).items()
        if not uid.startswith("info/")
    }


@pytest.fixture
def spliced(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Give a list that tells for each feed of which only a part was looked at if it was spliced."""
    seen: list[bool] = []
    real = feed_assembly.spliced

    def counted(*given: Any) -> bytes | None:
        body = real(*given)
        seen.append(body is not None)
        return body

    monkeypatch.setattr(feed_assembly, "spliced", counted)
    return seen


def as_if_all_were_new(house: House, now: datetime, *owners: str) -> None:
    """Assert that each feed is what looking at all of its events again says that it is."""
    few, feed_next.FEW = feed_next.FEW, -1
    try:
        for owner in owners:
            with reading(house.engine) as session:
                whole = feed_next.upcoming(session, owner, now, house.world)
                events = feed_memory.read(session, owner)
            kept = row(house, owner)
            assert (whole.body, whole.state) == (kept.body, kept.state)
            for name, one in whole.events.items():  # what went into them alone may be told otherwise
                assert replace(one, source="") == replace(events[name], source="")
    finally:
        feed_next.FEW = few


def test_random_days_of_a_house_move_only_what_they_move(
    house: House, spliced: list[bool]
) -> None:
    chance = random.Random(20260109)
    subscribe(house, *OWNERS)
    now = at("2026-01-09 11:00")
    render_changed(house.engine, now, house.world)
    bodies = {owner: feeds.render_one(house.engine, owner, now, house.world) for owner in OWNERS}
    workflow, facts = WORKFLOW, ("acknowledged", "completed", "corrected", "waived")
    for turn in range(14):
        now += timedelta(minutes=chance.choice((0, 1, 600)))
        if chance.random() < 0.4:
            day, month = chance.randint(10, 28), chance.choice(("apr", "may"))
            date = f"2026-0{4 + (month == 'may')}-{day}"
            workflow = WORKFLOW.replace("on: 2026-03-20", f"on: {date}")
            house.edit(found(workflow), now.isoformat(timespec="seconds")[:16].replace("T", " "))
        else:
            with writing(house.engine) as session:
                try:
                    said = Statement(PLAN, facts[turn % 4], reason="改", until=None)
                    record(session, said, now, "测试", house.world)
                except Refused:
                    pass
        render_changed(house.engine, now, house.world)
        as_if_all_were_new(house, now, *OWNERS)
        for owner in OWNERS:
            body = row(house, owner).body
            old, new = stamps(bodies[owner]), stamps(body)
            assert old.keys() == new.keys()
            moved = {uid for uid in old if old[uid] != new[uid]}
            assert moved <= {UID}, (turn, owner)
            assert all(new[uid][0] > old[uid][0] and new[uid][1] > old[uid][1] for uid in moved)
            if body != bodies[owner]:
                assert moved == {UID}
            bodies[owner] = body
    assert spliced.count(True) > 9
    # Another process that begins with the same store has nothing to say.
    other = store.connect(str(house.engine.url), durable=False)
    assert render_changed(other, now, house.world) == 0
    render_changed(other, now + timedelta(days=3), house.world)
    assert {owner: row(house, owner).body for owner in OWNERS} == bodies
    other.dispose()


def test_a_store_from_before_the_clock_keeps_its_stamps(house: House) -> None:
    subscribe(house, "da")
    render_changed(house.engine, at("2026-01-09 11:00"), house.world)
    with writing(house.engine) as session:
        record(session, Statement(PLAN, "completed"), at("2026-01-09 12:00"), "", house.world)
    render_changed(house.engine, at("2026-01-09 12:00"), house.world)
    before = row(house)
    with writing(house.engine) as session:  # as it was before the migration
        session.execute(delete(EVENTS))
        session.execute(update(queries.table(Feed)).values(state="", state_at=None))
        session.execute(
            update(queries.OCCURRENCES).values(sequence=0, modified_at=at("2026-01-09 10:00"))
        )
    render_changed(house.engine, at("2026-02-02 10:00"), house.world)
    after = row(house)
    assert after.body == before.body
    assert (after.etag, after.modified_at) == (before.etag, before.modified_at)
    assert after.state
    assert stamps(after.body)[UID][0] == 1


def test_who_comes_back_finds_the_stamps_where_they_were(house: House) -> None:
    subscribe(house, "da")
    render_changed(house.engine, at("2026-01-09 11:00"), house.world)
    with writing(house.engine) as session:
        record(session, Statement(PLAN, "completed"), at("2026-01-09 12:00"), "", house.world)
    render_changed(house.engine, at("2026-01-09 12:00"), house.world)
    left = row(house).body
    with writing(house.engine) as session:
        tokens.revoke(session, 1, at("2026-01-10 10:00"))
    with pytest.raises(AssertionError):
        row(house)
    subscribe(house, "da", when="2026-02-10 10:00")
    render_changed(house.engine, at("2026-02-10 10:00"), house.world)
    assert row(house).body == left


def test_what_comes_weekly_is_kept_from_the_first_time_that_somebody_asks(house: House) -> None:
    house.edit(found(WEEKLY), "2026-01-09 10:30")
    now, owners = at("2026-01-09 11:00"), ("da", "region:ju", "document:pair-2025", "shi")
    subscribe(house, *owners)
    render_changed(house.engine, now, house.world)
    bodies = {owner: row(house, owner).body for owner in owners}

    def kept(owner: str) -> set[str]:
        with reading(house.engine) as session:
            return {one.uid for one in feed_memory.read(session, owner).values() if one.frequent}

    assert not any(map(kept, owners))
    for owner in owners[:3]:
        with reading(house.engine) as session:
            ahead = feed_next.variant(session, owner, ALL, now, house.world)
        got = feeds.render_variant(house.engine, owner, ALL, now, lambda: house.world)
        assert got == ahead
        assert kept(owner)
        assert kept(owner) <= events(got).keys()
        assert row(house, owner).body == bodies[owner]  # whoever did not ask sees nothing of it
        assert feeds.render_variant(house.engine, owner, ALL, now, lambda: house.world) == got
    assert not kept("shi")
    later = at("2026-01-09 12:00")
    with writing(house.engine) as session:
        record(session, Statement(PLAN, "completed"), later, "测试", house.world)
    render_changed(house.engine, later, house.world)
    as_if_all_were_new(house, later, *owners)
    assert all(kept(owner) for owner in owners[:3])
    # A weekly duty that is no longer owed is cancelled where it was shown, and nowhere else appears.
    house.edit(found(WORKFLOW), "2026-01-12 10:30")
    render_changed(house.engine, at("2026-01-12 11:00"), house.world)
    as_if_all_were_new(house, at("2026-01-12 11:00"), *owners)
    assert not kept("shi")
    told = events(
        feeds.render_variant(house.engine, "da", ALL, at("2026-01-12 11:00"), lambda: house.world)
    )
    gone = [told[uid] for uid in kept("da") if uid in told]
    assert gone
    assert all(str(one["SUMMARY"]).startswith("【取消】") for one in gone)


def test_what_only_a_variant_shows_has_its_clock_too(house: House) -> None:
    house.edit(found(WEEKLY), "2026-01-09 10:30")
    subscribe(house, "da")
    now = at("2026-01-09 11:00")
    render_changed(house.engine, now, house.world)
    first, wide = row(house), feeds.render_variant(house.engine, "da", ALL, now, lambda: house.world)
    weekly = {uid for uid in events(wide) if "/lecture/" in uid and "-w" in uid}
    assert len(weekly) > 100
    assert weekly.isdisjoint(events(first.body))
    house.edit(found(WEEKLY.replace("每月讲座", "每周讲座")), "2026-01-12 10:30")
    later = at("2026-01-12 10:31")
    render_changed(house.engine, later, house.world)
    second, now_wide = row(house), feeds.render_variant(house.engine, "da", ALL, later, lambda: house.world)
    assert second.body == first.body  # nothing that it shows is another
    assert (second.etag, second.modified_at) == (first.etag, first.modified_at)
    assert second.state != first.state
    assert second.state_at == later
    old, new = stamps(wide), stamps(now_wide)
    assert {uid for uid in new if new[uid] != old[uid]} == weekly
    assert feeds.render_variant(house.engine, "da", DEFAULT, later, lambda: house.world) == second.body


def test_the_verb_prints_what_is_stored_and_what_will_be(house: House) -> None:
    subscribe(house, "da")
    now = at("2026-01-09 11:00")
    for variant in (DEFAULT, ALL, Variant(kinds=frozenset({"once"}))):
        with reading(house.engine) as session:
            ahead = feed_next.variant(session, "da", variant, now, house.world)
        render_changed(house.engine, now, house.world)
        assert feeds.render_variant(house.engine, "da", variant, now, lambda: house.world) == ahead


def test_terms_go_through_the_clock(house: House, spliced: list[bool]) -> None:
    house.edit(found(ROTATING), "2026-01-09 10:30")
    subscribe(house, "da", "xiao", "region:shi", "document:pair-2025", "document:other")
    render_changed(house.engine, at("2026-01-09 11:00"), house.world)
    before = stamps(row(house).body)
    with writing(house.engine) as session:
        shifts.add(session, [entry()], at("2026-03-02 10:00"), "测试", house.world)
    assert render_changed(house.engine, at("2026-03-02 10:00"), house.world) == 5  # a new day
    shown = events(row(house).body)
    term = shown[feed.uid(f"{PREFIX}term-2026-04-01")]
    assert (term["DTSTART"].dt.isoformat(), term["DTEND"].dt.isoformat()) == (
        "2026-04-01",
        "2026-10-01",
    )
    assert feed.uid(HANDOVER) in shown
    assert feed.uid(GAP) in shown
    assert shown[feed.uid(f"{PREFIX}2026")]["STATUS"] == "CANCELLED"
    now = stamps(row(house).body)
    moved = {uid for uid in before if now[uid] != before[uid]}
    assert moved  # the years in whose place terms stand, of the rotation and of the quota by term
    assert {uid.split("/")[1] for uid in moved} == {PREFIX.split("/")[1], "tasks"}
    held = now
    with writing(house.engine) as session:
        next_one = entry("2026-10-01", "2027-04-01")
        shifts.add(session, [next_one], at("2026-03-02 11:00"), "测试", house.world)
    assert render_changed(house.engine, at("2026-03-02 11:00"), house.world) == 4
    assert spliced == [False, False]  # the region and the document; new events have come
    as_if_all_were_new(house, at("2026-03-02 11:00"), "da", "region:shi", "document:pair-2025")
    now = stamps(row(house).body)
    changed = {uid for uid in held if now[uid] != held[uid]}
    assert feed.uid(GAP) in changed
    assert {uid for uid in changed if "/tasks/" not in uid} <= {feed.uid(GAP), feed.uid(HANDOVER)}


def test_more_changes_of_terms_than_are_remembered_concern_everybody(house: House) -> None:
    with writing(house.engine) as session:
        for turn in range(recorded.REMEMBERED + 5):
            recorded.note(session, [f"key {turn}"])
        count = recorded.changes(session)
        assert recorded.revised(session, count - 2) == {f"key {count - 2}", f"key {count - 1}"}
        assert recorded.revised(session, count) == set()
        assert (
            len(recorded.revised(session, count - recorded.REMEMBERED) or ()) == recorded.REMEMBERED
        )
        assert recorded.revised(session, count - recorded.REMEMBERED - 1) is None


def test_a_first_rendering_that_fails_is_told_and_served_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(house, "da")
    with monkeypatch.context() as patch:
        patch.setattr("notifications.feed.description", lambda *_: 1 / 0)
        assert render_changed(house.engine, at("2026-01-09 11:00"), house.world) == 0
    assert row(house).etag == ""
    with reading(house.engine) as session:
        assert feeds.faults(session) == {"da": "ZeroDivisionError: division by zero"}
    assert render_changed(house.engine, at("2026-01-09 11:01"), house.world) == 1
    assert row(house).fault is None
    assert UID in events(row(house).body)


HOSTILE = (
    "甲\\n市\\;人民,医院", "END:VEVENT", "<b>甲</b>", "甲" * 150, "🏥医院", 'x"y;z:', "%s{0}",
)  # fmt: skip


def test_no_name_of_an_institution_takes_a_feed_down(house: House) -> None:
    lines, pairs, owners = [], [], ["region:shi", "document:pair-2025", "da"]
    for number, name in enumerate(HOSTILE):
        quoted = name.replace('"', '""')
        lines.append(f'h{number},"{quoted}",hospital,,甲市,,shi,,,,,,,\n')
        pairs.append(f"da.h{number},da,h{number},附件,,,,,\n")
        owners += [f"h{number}", f"pairing:pair-2025/da.h{number}"]
    tables = TABLES | {
        "institutions.csv": INSTITUTIONS + "".join(lines), "pairings.csv": PAIRINGS + "".join(pairs)
    }  # fmt: skip
    house.edit(found(WORKFLOW, tables), "2026-01-09 10:30")
    subscribe(house, *owners)
    now = at("2026-01-09 11:00")
    assert render_changed(house.engine, now, house.world) == len(owners)
    for owner in owners:
        body = row(house, owner).body
        check_bytes(body)
        if owner in ("region:shi", "h0"):
            read_by_all(feeds.render_variant(house.engine, owner, Variant(True), now, lambda: house.world))
        title = f"X-WR-CALNAME:督办 · {feed.clean(named(owner, house.world).name)}"
        assert events(body)
        assert title.replace(",", "\\,").replace(";", "\\;") in body.replace(b"\r\n ", b"").decode()


def test_one_feed_that_cannot_be_rendered_takes_no_other_down(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(house, *OWNERS)
    now = at("2026-01-09 11:00")
    render_changed(house.engine, now, house.world)
    good = row(house, "xiao").body
    real = feed_changes.advance

    def broken(owner: feed.Owner, *given: object) -> object:
        if owner.id == "xiao":
            raise ValueError("a bad name")
        return real(owner, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(feed_changes, "advance", broken)
    with writing(house.engine) as session:
        record(session, Statement(PLAN, "completed"), now, "", house.world)
    assert render_changed(house.engine, now, house.world) == 4  # all that have it but one
    assert row(house, "xiao").body == good
    assert row(house, "xiao").fault == "ValueError: a bad name"
    assert "✓" in row(house, "da").body.decode()
    assert row(house, "shi").fault is None


def test_a_later_word_about_time_never_sets_stamps_back(house: House) -> None:
    subscribe(house, "da")
    render_changed(house.engine, at("2026-06-09 11:00"), house.world)
    renamed = replace(house.world, base_url="https://one.example")
    render_changed(house.engine, at("2026-06-09 11:00"), renamed)
    first = stamps(row(house).body)
    other = replace(house.world, base_url="https://two.example")
    render_changed(house.engine, at("2026-02-09 11:00"), other)
    second = stamps(row(house).body)
    assert all(second[uid] > first[uid] and second[uid][1] > first[uid][1] for uid in first)


def test_a_program_that_words_otherwise_is_noticed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(house, "da", "region:shi")
    now = at("2026-01-09 11:00")
    render_changed(house.engine, now, house.world)
    first = {owner: stamps(row(house, owner).body) for owner in ("da", "region:shi")}
    monkeypatch.setattr(feed_changes, "_program", lambda: "another")
    render_changed(house.engine, now, house.world)
    assert {owner: stamps(row(house, owner).body) for owner in first} == first
    monkeypatch.setattr(feed_changes, "_program", lambda: "a third")
    monkeypatch.setattr(feed, "description", lambda *_: "另一种说法")
    render_changed(house.engine, now, house.world)
    for owner, old in first.items():
        new = stamps(row(house, owner).body)
        assert all(new[uid][0] == old[uid][0] + 1 for uid in old)


def test_a_wide_feed_reads_only_what_may_have_changed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(house, "region:shi", "pairing:pair-2025/da.xiao")
    now = at("2026-01-09 11:00")
    render_changed(house.engine, now, house.world)
    made: list[str] = []
    real = feed.event

    def counted(owner: feed.Owner, one: feed.Entry, *given: object) -> bytes:
        made.append(one.occurrence.key)
        return real(owner, one, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(feed, "event", counted)
    with writing(house.engine) as session:
        record(session, Statement(PLAN, "completed"), now, "", house.world)
    assert render_changed(house.engine, now, house.world) == 2
    assert made == [PLAN, PLAN]
    render_changed(house.engine, now, house.world)
    assert made == [PLAN, PLAN]


def test_what_nobody_has_seen_for_half_a_year_is_forgotten(house: House) -> None:
    subscribe(house, "da", "shi")
    with writing(house.engine) as session:  # left over by whoever rendered while it was revoked
        session.add(Feed(institution="xiao", body=b"x", etag="x", modified_at=at("2026-01-09 11:00")))
    render_changed(house.engine, at("2026-01-09 11:00"), house.world)
    with reading(house.engine) as session:
        assert session.get(Feed, "xiao") is None
    house.edit(found(WORKFLOW.replace("on: 2026-03-20", "on: 2026-03-21")), "2026-01-10 10:00")
    render_changed(house.engine, at("2026-01-10 11:00"), house.world)
    with writing(house.engine) as session:
        tokens.revoke(session, 1, at("2026-01-12 10:00"))

    def remembered(owner: str) -> int:
        with reading(house.engine) as session:
            return len(feed_memory.read(session, owner))

    held = remembered("da"), remembered("shi")
    render_changed(house.engine, at("2026-07-10 10:00"), house.world)
    assert (remembered("da"), remembered("shi")) == held
    subscribe(house, "da", when="2026-07-10 11:00")  # back within half a year
    render_changed(house.engine, at("2026-07-10 11:00"), house.world)
    assert stamps(row(house).body)[UID][0] == 1
    with writing(house.engine) as session:
        tokens.revoke(session, 3, at("2026-07-11 10:00"))
    render_changed(house.engine, at("2027-01-06 10:00"), house.world)
    assert remembered("da") == held[0]
    render_changed(house.engine, at("2027-01-08 10:00"), house.world)
    assert remembered("da") == 0
    assert remembered("shi") > 0


def test_a_cancelled_event_is_remembered_for_half_a_year(house: House) -> None:
    subscribe(house, "da")
    render_changed(house.engine, at("2026-01-09 11:00"), house.world)
    start, end = WORKFLOW.index("  - id: plan"), WORKFLOW.index("  - id: progress")
    house.edit(found(WORKFLOW[:start] + WORKFLOW[end:]), "2026-01-12 10:00")
    for day, known in (("2026-01-12", True), ("2026-07-10", True), ("2026-07-13", False)):
        render_changed(house.engine, at(f"{day} 11:00"), house.world)
        with reading(house.engine) as session:
            assert (UID in feed_memory.read(session, "da")) is known
    assert len(stamps(row(house).body)) > 5
