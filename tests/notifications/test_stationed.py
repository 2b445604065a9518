"""Handovers and gaps as mails say them; terms, handovers and gaps as calendars show them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from icalendar import Calendar

from notifications.compose import Composed, Letter, compose
from notifications.feed import Entry as FeedEntry
from notifications.feed import Owner, Variant, render
from notifications.items import Entry
from scheduler.facts import Standing
from scheduler.loading import from_texts
from scheduler.occurrences import Occurrence
from scheduler.statuses import word
from scheduler.world import World
from tests.notifications.post import WORLD, read
from tests.scheduler.house import TABLES, WORKDAYS, at
from tests.scheduler.test_rotating import LOOSE, ROTATING, rows, term

FIRST = term("2026-04-01", "2026-10-01", 3)
ALONE = rows(FIRST)
FOLLOWED = rows(FIRST, term("2026-10-01", "2027-04-01", 5, 2))
HANDOVER, GAP, TERM = ALONE["handover-2026-09-30"], ALONE["gap-2026-10-01"], ALONE["term-2026-04-01"]


def world(workflow: str = ROTATING) -> World:
    document, roster = from_texts(workflow, TABLES)
    return replace(WORLD, documents={document.id: document}, rosters={document.id: roster})


def mail(
    *found: Occurrence, on: str, rung: str = "before-14d", own: bool = True,
    house: World | None = None, institution: str = "da",
) -> Composed:  # fmt: skip
    entries: list[Entry] = []
    for one in found:
        assert one.due is not None
        entries.append(Entry(len(entries) + 1, one, rung, one.due, own))
    letter = Letter(
        "a@x.example", "liaison", at(on).date(), 0, institution, "医务科", tuple(entries)
    )
    return compose(letter, house or world(), at(on))


def parts(found: Composed) -> tuple[str, str]:
    message = read(found.body)
    texts = []
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None
        texts.append(part.get_content())
    return texts[0], texts[1]


def test_a_handover_says_who_leaves_and_that_nobody_comes() -> None:
    found = mail(HANDOVER, on="2026-09-16 09:00")
    assert found.subject == "[督办] 甲市人民医院：驻点期满轮换（本批3人） 9月30日"
    for part in parts(found):
        for said in (
            "9月30日（周三）驻点期满，请安排接替", "驻点期满轮换（本批3人）",
            "2026年10月1日起由下一批接替；下一批尚未登记，将出现空档",
            "甲市人民医院派驻乙县人民医院", "从空档第一天起逐级催办", "协助：乙县人民医院",
        ):  # fmt: skip
            assert said in part
        assert "最迟" not in part
    assert "   期满 9月30日（周三），还剩 10 个工作日" in parts(found)[0]


def test_a_handover_with_a_next_team_says_so_and_threatens_nothing() -> None:
    for part in parts(mail(FOLLOWED["handover-2026-09-30"], on="2026-09-16 09:00")):
        assert "2026年10月1日起由下一批（5人）接替，已登记" in part
        assert "驻点期满，下一批已登记，请做好交接" in part
        assert "空档" not in part
        assert "只提醒到期满为止" in part


def test_where_the_text_asks_for_no_whole_year_a_handover_threatens_nothing() -> None:
    one = rows(FIRST, workflow=LOOSE)["handover-2026-09-30"]
    for part in parts(mail(one, on="2026-09-16 09:00", house=world(LOOSE))):
        assert "文件没有要求不留空档" in part
        assert "逐级催办" not in part


def test_a_gap_says_since_when_and_for_how_long() -> None:
    found = mail(GAP, on="2026-10-08 09:00", rung="after-1wd")
    assert found.subject == "[督办·催办] 甲市人民医院：驻点空档 10月1日起"
    text, html = parts(found)
    assert "   ■ 空档自 10月1日（周四），已空 7 天" in text
    for part in (text, html):
        assert "1 处驻点空档，请尽快派驻并登记" in part
        assert "下一批尚未登记" in part
        assert "仍没有登记派驻人员的" in part
        assert "逾期" not in part


def test_up_the_line_a_gap_is_no_report_that_is_late() -> None:
    for part in parts(
        mail(GAP, on="2026-10-14 09:00", rung="after-5wd", own=False, institution="shi")
    ):
        assert "1 家单位有 1 处驻点空档" in part
        assert "无人驻点 1 家" in part
        assert "甲市人民医院（乙县人民医院）" in part
        assert "已空 13 天" in part
        assert "未办" not in part


def test_a_gap_that_was_learned_of_late_names_its_first_day() -> None:
    late = rows(term("2026-01-01", "2026-07-01", recorded="2026-09-10"))["gap-2026-07-01"]
    text, _ = parts(mail(late, on="2026-09-11 09:00", rung="after-1wd"))
    assert "空档自 7月1日（周三），已空 72 天" in text


def test_two_handovers_of_a_day_that_differ_are_two_items() -> None:
    other = replace(
        FOLLOWED["handover-2026-09-30"], key=HANDOVER.key.replace("da.xiao", "da.xiao2")
    )
    text, _ = parts(mail(HANDOVER, other, on="2026-09-16 09:00"))
    assert text.count("驻点期满轮换（本批3人）") == 2
    assert "将出现空档" in text
    assert "（5人）接替，已登记" in text


def events(*found: Occurrence, owner: str = "xiao", **variant: Any) -> dict[str, Any]:
    stamp = datetime(2026, 3, 1, tzinfo=UTC)
    entries = [FeedEntry(one, stamp) for one in found]
    who = Owner(owner, "乙县人民医院")
    text = render(who, entries, date(2026, 3, 1), "https://duban.example", Variant(**variant))
    made = Calendar.from_ical(text).walk("VEVENT")
    return {str(one["UID"]).rpartition("/")[2].removesuffix("@duban"): one for one in made}


def test_terms_are_spans_and_handovers_and_gaps_are_days() -> None:
    found = events(*ALONE.values())
    assert {key: (one["DTSTART"].dt, one["DTEND"].dt) for key, one in found.items()} == {
        "term-2026-04-01": (date(2026, 4, 1), date(2026, 10, 1)),
        "handover-2026-09-30": (date(2026, 9, 30), date(2026, 10, 1)),
        "gap-2026-10-01": (date(2026, 10, 1), date(2026, 10, 2)),
    }
    assert {str(one["TRANSP"]) for one in found.values()} == {"TRANSPARENT"}
    assert str(found["term-2026-04-01"]["SUMMARY"]) == "驻点期（3人）〔由甲市人民医院负责〕"
    told = str(found["handover-2026-09-30"]["DESCRIPTION"])
    assert "下一批尚未登记，将出现空档\n期满：2026年9月30日（周三），当日在岗\n负责：" in told
    assert "空档自：2026年10月1日（周四）" in str(found["gap-2026-10-01"]["DESCRIPTION"])
    span = "驻点期：2026年4月1日（周三）至2026年9月30日（周三），含当日"
    assert span in str(found["term-2026-04-01"]["DESCRIPTION"])


def test_a_span_has_no_alarm() -> None:
    found = events(*ALONE.values(), alarms=True)
    assert not found["term-2026-04-01"].walk("VALARM")
    assert found["handover-2026-09-30"].walk("VALARM")


@pytest.mark.parametrize(
    ("one", "today", "said", "tone"),
    [
        (TERM, "2026-03-01", "未到期", "calm"),
        (TERM, "2026-04-01", "驻点中", "done"),
        (TERM, "2026-10-01", "已期满", "calm"),
        (HANDOVER, "2026-03-01", "未到期", "calm"),
        (HANDOVER, "2026-09-29", "临期", "soon"),
        (HANDOVER, "2026-10-01", "已期满", "calm"),
        (GAP, "2026-09-29", "临期", "soon"),
        (GAP, "2026-10-01", "空档", "late"),
    ],
)
def test_how_they_stand(one: Occurrence, today: str, said: str, tone: str) -> None:
    found = word(one, "open", Standing("open"), date.fromisoformat(today), WORKDAYS)
    assert (found.word, found.tone) == (said, tone)
