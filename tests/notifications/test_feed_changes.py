"""Stamps move with every visible change, and never otherwise; what left is shown as cancelled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from notifications import feed, feed_assembly, feed_changes
from notifications.feed import Entry
from notifications.feed_changes import Shown
from tests.notifications.feed_samples import (
    BING,
    DA,
    ONE,
    OWNER,
    STAMP,
    TODAY,
    check_bytes,
    entry,
    events,
    read_by_all,
)

NOW = datetime(2026, 5, 6, 1, 0, tzinfo=UTC)
UID = feed.uid(ONE.key)
OTHER = replace(ONE, key="pair-2025/plan/da.bing/once", pairings=((DA, BING),))
BASE = "https://duban.example"


Memory = dict[str, Shown]


class Body(bytes):
    """A feed's bytes, with the events that are remembered behind them."""

    memory: Memory


def render(
    entries: list[Entry], previous: Body | None, now: datetime = NOW, base: str = BASE
) -> Body:
    before = previous.memory if previous is not None else {}
    after = feed_changes.advance(OWNER, entries, before, now, now.date(), base)
    body = Body(feed_assembly.assembled(OWNER, after.values(), now.date()))
    body.memory = after
    check_bytes(body)
    return body


def stamps(body: bytes, uid: str = UID) -> tuple[datetime, datetime, int]:
    event = events(body)[uid]
    return event["DTSTAMP"].dt, event["LAST-MODIFIED"].dt, int(event["SEQUENCE"])


def test_without_earlier_bytes_it_is_the_plain_feed() -> None:
    assert render([entry()], None) == feed.render(OWNER, [entry()], TODAY, BASE)


def test_nothing_moves_while_nothing_changes() -> None:
    first = render([entry()], None)
    assert render([entry()], first, NOW + timedelta(days=100)) == first
    touched = replace(entry(), modified_at=NOW, sequence=5)  # touched, and nothing to see of it
    assert render([touched], first) == first


def test_a_change_advances_the_stamps_even_if_the_store_forgot_to() -> None:
    first = render([entry()], None)
    done = replace(entry(), status="completed")
    second = render([done], first)
    assert stamps(second) == (NOW, NOW, 1)
    third = render([entry()], second, NOW + timedelta(hours=1))
    assert stamps(third)[2] == 2
    assert events(third)[UID]["SUMMARY"] == "报送工作方案"


def test_the_instant_is_the_stores_and_the_count_is_of_what_was_seen() -> None:
    first = render([entry()], None)
    at = NOW - timedelta(minutes=3)
    moved = Entry(replace(ONE, due=date(2026, 4, 1)), at, 7)  # of its changes one shows here
    assert stamps(render([moved], first)) == (at, at, 1)
    assert stamps(render([moved], None)) == (at, at, 7)


def test_two_changes_in_one_second_still_have_two_stamps() -> None:
    first = render([entry()], None, STAMP)
    second = render([replace(entry(), status="completed")], first, STAMP)
    third = render([replace(entry(), status="waived")], second, STAMP)
    assert stamps(first)[0] < stamps(second)[0] < stamps(third)[0]


def test_a_new_partner_changes_the_titles_of_both_with_their_stamps() -> None:
    first = render([entry()], None)
    second = render([entry(), entry(OTHER)], first)
    assert events(second)[UID]["SUMMARY"] == "报送工作方案〔乙县人民医院〕"
    assert stamps(second)[2] == 1
    assert stamps(second, feed.uid(OTHER.key))[2] == 0


def test_a_new_address_of_the_house_is_a_visible_change() -> None:
    first = render([entry()], None)
    second = render([entry()], first, base="https://new.example")
    assert "https://new.example/items/" in str(events(second)[UID]["URL"])
    assert stamps(second)[2] == 1


def test_what_left_is_cancelled_for_thirty_days_and_then_gone() -> None:
    first = render([entry(), entry(OTHER)], None)
    gone = render([entry(OTHER)], first)
    event = events(gone)[UID]
    assert event["STATUS"] == "CANCELLED"
    assert event["SUMMARY"] == "【取消】报送工作方案〔乙县人民医院〕"
    assert stamps(gone) == (NOW, NOW, 1)
    read_by_all(gone)
    still = render([entry(OTHER)], gone, NOW + timedelta(days=29))
    assert stamps(still) == stamps(gone)
    after = render([entry(OTHER)], still, NOW + timedelta(days=30))
    assert set(events(after)) == {feed.uid(OTHER.key)}


def test_what_comes_back_is_no_longer_cancelled() -> None:
    first = render([entry(), entry(OTHER)], None)
    gone = render([entry(OTHER)], first)
    back = render([entry(), entry(OTHER)], gone, NOW + timedelta(days=1))
    assert events(back)[UID]["STATUS"] == "CONFIRMED"
    assert stamps(back)[2] == 2


def test_what_falls_out_of_the_window_goes_without_a_word() -> None:
    old = replace(ONE, key="d/o/s/2025", due=date(2025, 3, 20))
    first = render([entry(), entry(old)], None)
    second = render([entry(), entry(old)], first, datetime(2027, 1, 1, 1, 0, tzinfo=UTC))
    assert set(events(second)) == {UID}


def test_the_information_event_goes_when_there_is_something_to_show() -> None:
    first = render([], None)
    assert set(events(render([entry()], first))) == {UID}
    assert set(events(render([], None))) == {"info/da/2026@duban"}


def test_titles_that_look_like_lines_of_a_calendar_are_only_titles() -> None:
    hostile = replace(ONE, title="甲END:VEVENT", clauses=("BEGIN:VEVENT",))
    first = render([entry(hostile), entry(OTHER)], None)
    assert render([entry(hostile), entry(OTHER)], first) == first
    second = render([entry(OTHER)], first)
    assert events(second)[UID]["SUMMARY"] == "【取消】甲END:VEVENT〔乙县人民医院〕"
