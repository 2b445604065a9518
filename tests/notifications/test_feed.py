"""A feed's bytes: what every client needs, what an official reads, and nothing that hurts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import recurring_ical_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from notifications import feed, wording
from notifications.feed import Owner, Variant
from tests.notifications.feed_samples import (
    BING,
    BUREAU,
    DA,
    ONE,
    OWNER,
    STAMP,
    TODAY,
    WEEKLY,
    XIAO,
    check_bytes,
    entry,
    events,
    read_by_all,
)

UID = feed.uid(ONE.key)


def only(body: bytes, key: str = ONE.key) -> dict[str, str]:
    """Return the properties of one event as text."""
    found = events(body)[feed.uid(key)]
    return {name: found[name].to_ical().decode() for name in found}


def test_an_event_says_what_by_when_to_whom_how_and_on_which_clause() -> None:
    body = feed.render(OWNER, [entry()], TODAY, "https://duban.example/")
    summary, description, day = read_by_all(body)[UID]
    assert summary == "报送工作方案"
    assert day == date(2026, 3, 20)
    assert description.splitlines() == [
        "最迟：2026年3月20日（周五），含当日",
        "最后工作日：2026年3月20日（周五）",
        "负责：甲市人民医院",
        "报给：省局",
        "报送：邮寄：方案（2份），寄至省局医政处",
        "依据：某卫发〔2025〕1号 三“2026年3月20日前报送”",
        "详情：https://duban.example/items/pair-2025/plan/da.xiao/once",
    ]
    found = only(body)
    assert found["UID"] == "pair-2025/plan/da.xiao/once@duban"
    assert found["DTSTART"] == "20260320"
    assert found["DTEND"] == "20260321"
    assert found["DTSTAMP"] == found["LAST-MODIFIED"] == "20250110T010203Z"
    assert found["SEQUENCE"] == "0"
    assert found["STATUS"] == "CONFIRMED"
    assert found["TRANSP"] == "TRANSPARENT"
    assert found["X-MICROSOFT-CDO-BUSYSTATUS"] == "FREE"
    assert b"DTSTART;VALUE=DATE:20260320\r\n" in body
    assert b"VALARM" not in body


def test_the_calendar_bears_the_institutions_name() -> None:
    calendar = Calendar.from_ical(feed.render(OWNER, [entry()], TODAY))
    assert calendar["NAME"] == calendar["X-WR-CALNAME"] == "督办 · 甲市人民医院"
    assert calendar["PRODID"] == "-//duban//duban//ZH"


def test_the_same_state_in_the_same_year_gives_the_same_bytes() -> None:
    known = [entry(), entry(replace(ONE, key="a/b/c/once", due=date(2027, 1, 1)))]
    first = feed.render(OWNER, known, date(2026, 1, 1))
    assert feed.render(OWNER, reversed(known), date(2026, 12, 31)) == first


def test_the_window_is_last_year_to_the_year_after_next() -> None:
    days = [date(2024, 12, 31), date(2025, 1, 1), date(2028, 12, 31), date(2029, 1, 1)]
    known = [entry(replace(ONE, key=f"d/o/s/{day}", due=day)) for day in days]
    body = feed.render(OWNER, known, TODAY)
    assert sorted(events(body)) == [feed.uid("d/o/s/2025-01-01"), feed.uid("d/o/s/2028-12-31")]


def test_what_has_no_date_or_came_before_the_document_is_never_shown() -> None:
    known = [
        entry(replace(ONE, key="d/standing/s/always", kind="standing", due=None)),
        entry(replace(ONE, key="d/old/s/once", phase="pre-issue")),
    ]
    body = feed.render(OWNER, known, TODAY)
    check_bytes(body)
    (shown,) = events(body).values()
    assert shown["UID"] == "info/da/2026@duban"  # never an empty calendar
    assert body == feed.render(OWNER, [], date(2026, 12, 31))


def test_a_choice_in_which_nothing_is_due_says_that_it_is_one() -> None:
    known = [entry(ONE)]
    for variant, said in (
        (Variant(kinds=frozenset({"fuzzy"})), "选定范围内暂时没有带日期的事项"),
        (Variant(documents=frozenset({"other"}), alarms=True), "选定范围内暂时没有带日期的事项"),
    ):
        body = feed.render(OWNER, known, TODAY, variant=variant)
        read_by_all(body)
        (shown,) = events(body).values()
        assert str(shown["SUMMARY"]).endswith(said)
        assert shown["UID"] == "info/da/chosen/2026@duban"
    (shown,) = events(feed.render(OWNER, [], TODAY, variant=Variant(alarms=True))).values()
    assert shown["SUMMARY"] == "督办日历已订阅，暂时没有带日期的事项"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "CONFIRMED"),
        ({"tentative": True}, "TENTATIVE"),
        ({"cancelled_on": TODAY}, "CANCELLED"),
    ],
)
def test_status_by_what_the_store_knows(changes: dict[str, bool], status: str) -> None:
    assert only(feed.render(OWNER, [entry(**changes)], TODAY))["STATUS"] == status


def test_only_contested_dates_are_tentative() -> None:
    for phase, status in (("core", "CONFIRMED"), ("open-ended", "CONFIRMED"),
                          ("contested", "TENTATIVE")):  # fmt: skip
        one = replace(ONE, phase=phase, provisional=True)
        found = only(feed.render(OWNER, [entry(one)], TODAY))
        assert found["STATUS"] == status
        assert "（暂定，待当年放假通知）" in found["DESCRIPTION"]
        assert ("性质：" in found["DESCRIPTION"]) == (phase != "core")


def test_done_and_cancelled_are_marked_before_the_title() -> None:
    def title(**changes: object) -> str:
        return str(events(feed.render(OWNER, [entry(**changes)], TODAY))[UID]["SUMMARY"])

    assert title(status="completed") == "✓ 报送工作方案"
    assert title(status="waived") == "【免报】报送工作方案"
    assert title(status="acknowledged") == "报送工作方案"
    assert title(cancelled_on=TODAY, status="cancelled") == "【取消】报送工作方案"


def test_a_long_title_is_cut_before_what_explains_it_and_stands_whole_below() -> None:
    title = "驻点帮扶：每批至少5人、连续不少于6个月，到期轮换，全年不断"
    shown = events(feed.render(OWNER, [entry(replace(ONE, title=title))], TODAY))[UID]
    assert shown["SUMMARY"] == "驻点帮扶"
    assert str(shown["DESCRIPTION"]).splitlines()[0] == title
    for kept in ("每年“四个一”：四项", "明确外派人员的工作内容、考核和补贴，列入指令性任务"):
        shown = events(feed.render(OWNER, [entry(replace(ONE, title=kept))], TODAY))[UID]
        assert shown["SUMMARY"] == kept
        assert kept not in shown["DESCRIPTION"]


def test_the_partner_is_named_where_there_are_several() -> None:
    other = replace(ONE, key="pair-2025/plan/da.bing/once", pairings=((DA, BING),))
    body = feed.render(OWNER, [entry(), entry(other)], TODAY)
    titles = {str(event["SUMMARY"]) for event in events(body).values()}
    assert titles == {"报送工作方案〔乙县人民医院〕", "报送工作方案〔丙县医院〕"}


def test_who_files_it_is_named_where_that_is_another() -> None:
    filed = replace(ONE, responsible=XIAO)
    owed = replace(ONE, key="x/y/z/once", responsible=XIAO, submit=())
    body = feed.render(OWNER, [entry(filed), entry(owed)], TODAY)
    assert only(body)["SUMMARY"] == "报送工作方案〔由乙县人民医院报送〕"
    assert only(body, "x/y/z/once")["SUMMARY"] == "报送工作方案〔由乙县人民医院负责〕"


def test_who_receives_it_sees_whose_it_is() -> None:
    other = replace(ONE, key="pair-2025/plan/da.bing/once", pairings=((DA, BING),))
    owner = Owner("ju", BUREAU.name)
    body = feed.render(owner, [entry(), entry(other)], TODAY)
    titles = [str(event["SUMMARY"]) for event in events(body).values()]
    assert titles == [
        "报送工作方案〔由甲市人民医院报送，丙县医院〕",
        "报送工作方案〔由甲市人民医院报送，乙县人民医院〕",
    ]


def test_an_earlier_binding_day_and_a_reading_are_told() -> None:
    one = replace(ONE, binds_by=date(2026, 3, 10), reading="含当日", opens=date(2026, 3, 1))
    text = str(events(feed.render(OWNER, [entry(one)], TODAY))[UID]["DESCRIPTION"])
    assert "实际最迟：2026年3月10日（周二）（另一事项须在此之后办理）" in text
    assert "起：2026年3月1日（周日）" in text
    assert "读法：含当日" in text


def test_frequent_windows_come_only_where_asked_for() -> None:
    known = [entry(), entry(WEEKLY)]
    assert feed.uid(WEEKLY.key) not in events(feed.render(OWNER, known, TODAY))
    shown = feed.render(OWNER, known, TODAY, variant=Variant(frequent=True))
    assert feed.uid(WEEKLY.key) in events(shown)


def test_variants_by_document_and_kind() -> None:
    known = [entry(), entry(WEEKLY), entry(replace(ONE, key="b/c/d/once", document="b"))]

    def shown(variant: Variant) -> set[str]:
        return set(events(feed.render(OWNER, known, TODAY, variant=variant)))

    assert shown(Variant(documents=frozenset({"b"}))) == {feed.uid("b/c/d/once")}
    frequent = Variant(frequent=True, kinds=frozenset({"quota"}))
    assert shown(frequent) == {feed.uid(WEEKLY.key)}


def test_alarms_come_only_where_asked_for_and_only_on_what_is_open() -> None:
    done = entry(replace(ONE, key="b/c/d/once"), status="completed")
    body = feed.render(OWNER, [entry(), done], TODAY, variant=Variant(alarms=True))
    check_bytes(body)
    read_by_all(body)
    alarms = [len(event.walk("VALARM")) for event in events(body).values()]
    assert sorted(alarms) == [0, 2]
    assert b"TRIGGER:-P13DT15H\r\n" in body  # 09:00, fourteen days before


def test_another_library_finds_each_event_on_its_day() -> None:
    later = replace(ONE, key="a/b/c/once", due=date(2026, 11, 10))
    body = feed.render(OWNER, [entry(), entry(later)], TODAY)
    query = recurring_ical_events.of(Calendar.from_ical(body))
    assert [e["UID"] for e in query.at(date(2026, 3, 20))] == [UID]
    assert [e["UID"] for e in query.at(date(2026, 11, 10))] == [feed.uid("a/b/c/once")]
    assert query.at(date(2026, 3, 21)) == []


def test_assembled_fragments_are_what_the_library_itself_writes() -> None:
    body = feed.render(OWNER, [entry(), entry(WEEKLY), entry(cancelled_on=TODAY)], TODAY)
    assert Calendar.from_ical(body).to_ical() == body


HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\r\n\0\t\x0b\x85\u2028\u2029\u202e\ufeff\\;,:\"'^\x7f\ud800=?"),
    ),
    max_size=60,
) | st.sampled_from(
    [
        "a\r\nBEGIN:VEVENT\r\nUID:x",
        "\\n\\N\\,\\;\\\\",
        "=?UTF-8?Q?=0AX:1?=",
        "字" * 200,
        "𠮷" * 40,
        "END:VCALENDAR",
        "a\n b",
        " \t ",
        "^n^'",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(title=HOSTILE, phrase=HOSTILE, name=HOSTILE)
def test_hostile_texts_are_read_back_alike_by_every_reader(
    title: str, phrase: str, name: str
) -> None:
    one = replace(ONE, title=f"题{title}", phrase=phrase, unresolved=name)
    body = feed.render(Owner("da", name), [entry(one)], TODAY, "https://duban.example")
    summary, description, _ = read_by_all(body)[UID]
    assert summary == feed.clean(f"题{title}")
    clause = feed.clean(f"依据：{wording.citation(one)}“{phrase}”")
    assert clause in description.splitlines()


def test_a_name_of_ten_thousand_characters_is_folded_like_any_other() -> None:
    one = replace(ONE, title="长" * 10_000)
    summary, _, _ = read_by_all(feed.render(OWNER, [entry(one)], TODAY))[UID]
    assert summary == "长" * 10_000


def test_a_stamp_in_any_zone_is_written_in_utc() -> None:
    from zoneinfo import ZoneInfo

    local = datetime(2026, 1, 1, 8, 0, tzinfo=ZoneInfo("Asia/Shanghai")) + timedelta(microseconds=9)
    found = only(feed.render(OWNER, [replace(entry(), modified_at=local)], TODAY))
    assert found["DTSTAMP"] == "20260101T000000Z"
    assert STAMP.tzinfo is UTC
