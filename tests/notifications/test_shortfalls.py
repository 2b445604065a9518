"""A quota that falls behind is told while there is time, once a month, and never on pace."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from config.contacts import Contact
from scheduler import activities, store
from scheduler.activities import Done
from scheduler.extending import extend
from scheduler.queries import OCCURRENCES
from scheduler.refusals import Refused
from tests.notifications.post import WORLD, Post, text_of
from tests.scheduler.house import PAIRINGS, TABLES, WORKFLOW, ZONE, at, days, found

QUOTAS = """\
  - id: rounds
    title: 教学查房
    kind: quota
    clauses: [三]
    phrase: 至少每周1次
    per: pairing
    responsible: supporter
    rule: {per: week, at_least: 1, unit: 次}
  - id: training
    title: 培训骨干
    kind: quota
    clauses: [四]
    phrase: 每年至少3名
    per: pairing
    responsible: supporter
    rule: {per: year, at_least: 3, unit: 名}
  - id: towns
    title: 巡回义诊
    kind: quota
    clauses: [五]
    phrase: 每季度覆盖所有乡镇
    per: pairing
    responsible: supporter
    rule: {per: quarter, at_least: 1, unit: 次, each: 辖区乡镇}
"""
WITH_TOWNS = WORKFLOW[: WORKFLOW.index("  - id: plan")] + QUOTAS
TEXT = WITH_TOWNS[: WITH_TOWNS.index("  - id: towns")]
TOWNS = "set,institution,member,from,until\n辖区乡镇,xiao,东镇,,\n辖区乡镇,xiao,西乡,,\n"
TWO = TABLES | {"pairings.csv": PAIRINGS + "da.xiao2,da,xiao2,附件第2行,,,,,\n"}
ROUNDS, TRAINING = "pair-2025/rounds/da.xiao/", "pair-2025/training/da.xiao/"


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """Give a house whose document has quotas only, adopted on Sunday 2026-03-01."""
    house = Post(tmp_path)
    house.edit(found(TEXT, TWO), "2026-03-01 10:00")
    return house


def did(post: Post, when: str, obligation: str = "rounds", count: int = 1, **kw: str) -> int:
    """Record something done on the day of an instant and return its number."""
    done = Done("pair-2025", obligation, at(when).date(), "da", "xiao", count=count, **kw)  # type: ignore[arg-type]
    with store.writing(post.engine) as session:
        return activities.record(session, done, at(when), "测试", post.world).number


def asked(post: Post) -> dict[str, str]:
    """Return the local day and hour at which each occurrence is to be looked at."""
    query = OCCURRENCES.select().where(OCCURRENCES.c.next_notice_at.is_not(None))
    with store.reading(post.engine) as session:
        return {
            row.key: f"{row.next_notice_at.astimezone(ZONE):%Y-%m-%d %H}"
            for row in session.execute(query)
        }


def sent(post: Post, first: str, last: str) -> list[tuple[str, str]]:
    """Let days pass and return the day and subject of each mail about the rounds, or of all."""
    before = len(post.messages())
    for day in days(first, last):
        for hour in ("09:00", "15:00"):
            post.pass_by(f"{day} {hour}")
    return [(f"{m.day:%m-%d}", m.subject) for m in post.messages()[before:]]


def test_who_keeps_no_records_is_never_told(post: Post) -> None:
    assert asked(post) == {}
    assert sent(post, "2026-03-02", "2026-04-03") == []


def test_recording_begins_the_watch_of_that_subject_alone(post: Post) -> None:
    did(post, "2026-03-02 10:00")
    keys = asked(post)
    assert {key.split("/")[2] for key in keys} == {"da.xiao"}
    # The week in which it was done is fulfilled; the next is behind from its fourth day on.
    assert ROUNDS + "2026-w10" not in keys
    assert keys[ROUNDS + "2026-w11"] == "2026-03-12 09"
    # None of three: behind from the 61st day on, and there is a rung half a year before the end.
    assert keys[TRAINING + "2026"] == "2026-07-03 09"


def test_a_weekly_quota_is_told_once_a_month_each_way(post: Post) -> None:
    did(post, "2026-03-02 10:00")
    mails = sent(post, "2026-03-02", "2026-04-10")
    assert mails == [
        ("03-12", "[督办] 甲市人民医院：教学查房 3月15日一期还不够"),
        ("03-16", "[督办] 甲市人民医院：教学查房 3月15日一期不足"),
        ("04-02", "[督办] 甲市人民医院：教学查房 4月5日一期还不够"),
        ("04-07", "[督办] 甲市人民医院：教学查房 4月5日一期不足"),
    ]
    warning, closing = post.messages()[:2]
    assert not warning.statutory
    assert not closing.statutory
    assert "本期（3月9日—15日）已0次，至少1次；最后工作日3月13日" in text_of(warning)
    assert "本期至 3月15日（周日）" in text_of(warning)
    assert "逾期" not in text_of(closing)
    assert "本期（3月9日—15日）结束时只有0次，至少1次" in text_of(closing)
    assert "不逐级催办" in text_of(warning)


def test_nobody_on_pace_gets_a_mail(post: Post) -> None:
    for day in ("03-02", "03-09", "03-17", "03-26", "03-30", "04-07"):
        did(post, f"2026-{day} 10:00")
        post.pass_by(f"2026-{day} 15:00")
    assert sent(post, "2026-03-02", "2026-04-10") == []


def test_what_is_done_meanwhile_takes_the_waiting_mail_back(post: Post) -> None:
    did(post, "2026-03-02 10:00")
    post.tick("2026-03-12 09:00")
    post.gather("2026-03-12 09:00")
    (waiting,) = post.messages()
    assert waiting.state == "ready"
    did(post, "2026-03-12 10:00")
    post.pass_by("2026-03-12 11:00")
    (recalled,) = post.messages()
    assert recalled.state == "cancelled"
    (notice,) = post.notices(ROUNDS + "2026-w11")
    assert (notice.message_id, notice.reason) == (None, "已赶上进度")


def test_what_is_withdrawn_is_missing_again(post: Post) -> None:
    did(post, "2026-03-02 10:00")
    number = did(post, "2026-03-10 10:00")
    assert ROUNDS + "2026-w11" not in asked(post)
    with store.writing(post.engine) as session:
        activities.withdraw(session, number, "记错了", at("2026-03-13 08:00"), "测试", post.world)
    # On its last working day it is too late for a warning, not for the closing note.
    assert asked(post)[ROUNDS + "2026-w11"] == "2026-03-16 09"


def test_a_year_warns_twice_at_most_and_closes(post: Post) -> None:
    did(post, "2026-03-02 10:00", "training")
    mails = [mail for mail in sent(post, "2026-06-25", "2027-01-08") if "培训" in mail[1]]
    # One of three is too little from 2 July on; 180 days before the end is a Saturday, and 90 days
    # before it lies in the holidays of October. In January the rounds fell short as well.
    assert mails == [
        ("07-03", "[督办] 甲市人民医院：培训骨干 12月31日一期还不够"),
        ("09-30", "[督办] 甲市人民医院：培训骨干 12月31日一期还不够"),
        ("01-04", "[督办] 甲市人民医院：培训骨干 2026年12月31日一期不足（共2项）"),
    ]


def test_the_townships_that_are_missing_are_named(post: Post) -> None:
    post.edit(found(WITH_TOWNS, TWO | {"sets.csv": TOWNS}), "2026-03-30 10:00")
    did(post, "2026-04-01 10:00", "towns", item="西乡")
    mails = [mail for mail in sent(post, "2026-05-20", "2026-06-10") if "义诊" in mail[1]]
    assert mails == [("06-08", "[督办] 甲市人民医院：巡回义诊 6月30日一期还不够")]
    told = next(text_of(m) for m in post.messages() if "义诊" in m.subject)
    assert "本期（4月1日—6月30日）已1个，至少2个；最后工作日6月30日；还缺：东镇" in told


def test_where_they_were_while_it_stood_on_the_list_is_recorded_and_does_not_count(
    post: Post,
) -> None:
    left = TOWNS + "辖区乡镇,xiao,北寨,,2026-05-01\n"
    post.edit(found(WITH_TOWNS, TWO | {"sets.csv": left}), "2026-03-30 10:00")

    def said(day: str) -> Done:
        on = date.fromisoformat(day)
        return Done("pair-2025", "towns", on, "da", "xiao", item="北寨")

    with store.writing(post.engine) as session:
        kept = activities.record(
            session, said("2026-04-02"), at("2026-05-10 10:00"), "测试", post.world
        )
        with pytest.raises(Refused, match="没有“北寨”这一项"):
            activities.record(
                session, said("2026-05-02"), at("2026-05-10 10:00"), "测试", post.world
            )
    assert "已不在名单上，已记下，不计入" in kept.warnings[0]


def test_a_list_that_grows_is_looked_at_when_it_is_applied(post: Post) -> None:
    post.edit(found(WITH_TOWNS, TWO), "2026-03-30 10:00")
    did(post, "2026-04-01 10:00", "towns")
    key = "pair-2025/towns/da.xiao/2026-q2"
    assert key not in asked(post)
    post.edit(found(WITH_TOWNS, TWO | {"sets.csv": TOWNS}), "2026-04-02 10:00")
    assert asked(post)[key].startswith("2026-05-")


def test_windows_of_a_new_year_are_watched_too(post: Post) -> None:
    did(post, "2026-03-02 10:00")
    with store.writing(post.engine) as session:
        extend(session, at("2027-01-04 08:00"), post.world)
    assert TRAINING + "2028" in asked(post)
    assert date(2028, 7, 4) >= date.fromisoformat(asked(post)[TRAINING + "2028"][:10])


def test_the_fuse_foresees_the_warnings(post: Post) -> None:
    from notifications import fuse

    did(post, "2026-03-02 10:00")
    assert sent(post, "2026-03-02", "2026-03-20")
    with store.reading(post.engine) as session:
        assert fuse.current(session) is None


def test_beside_what_is_overdue_a_quota_stays_a_quota(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.edit(found(WORKFLOW + QUOTAS[: QUOTAS.index("  - id: training")]), "2026-03-01 10:00")
    did(post, "2026-03-11 10:00")
    sent(post, "2026-03-16", "2026-03-23")
    last = post.messages()[-1]
    assert last.recipient == "liaison@xiao.example"
    both = next(m for m in reversed(post.messages()) if m.recipient == "liaison@da.example")
    assert both.subject == "[督办·催办] 甲市人民医院：报送工作方案 3月20日已到期（共2项）"
    assert both.statutory
    text = text_of(both)
    assert "1 项已经逾期，请尽快办理并登记；另有 1 项频次本期结束时不足" in text
    assert "本期已止于 3月22日（周日），次数不足" in text


class _Coordinator:
    """Nobody holds a role but the coordinator of the city."""

    def holders(self, institution: str, role: str, on: date) -> tuple[Contact, ...]:
        if (institution, role) == ("shi", "coordinator"):
            return (Contact("shi", "coordinator", "医政科", "yz@shi.example"),)
        return ()


def test_who_stands_in_for_a_missing_liaison_is_told_whose_quota_it_is(tmp_path: Path) -> None:
    post = Post(tmp_path, base=replace(WORLD, contacts=_Coordinator(), placeholders=False))
    post.edit(found(TEXT, TWO), "2026-03-01 10:00")
    did(post, "2026-03-02 10:00")
    ((day, subject),) = sent(post, "2026-03-02", "2026-03-13")
    assert (day, subject) == ("03-12", "[督办] 甲市人民医院：教学查房 3月15日一期还不够")
    (mail,) = post.messages()
    text = text_of(mail)
    assert "1 家单位有 1 项频次不够，请代为转告" in text
    assert "不够 1 家" in text
    assert "本期（3月9日—15日）已0次，至少1次" in text
    assert "没有登记联络员，改送上级协调员" in text
