"""What a mail says, in both of its parts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from notifications.compose import Composed, Letter, compose, note, subject_of
from notifications.items import Entry, Told
from scheduler.occurrences import Occurrence, occurrences
from scheduler.parties import Party
from scheduler.world import World
from tests.notifications.post import WORLD, read
from tests.scheduler.house import JUNE, PLAN, WORKDAYS, at, loaded
from workflows.document import Submission

LOADED = loaded()
DOCUMENT, ROSTER = LOADED.documents["pair-2025"], LOADED.rosters["pair-2025"]
HOUSE: World = replace(WORLD, documents=LOADED.documents, rosters=LOADED.rosters)
ALL = {
    one.key: one
    for one in occurrences(DOCUMENT, ROSTER, WORKDAYS, date(2026, 1, 1), date(2026, 12, 31))
}


def entry(one: Occurrence, rung: str = "before-2wd", **more: Any) -> Entry:
    assert one.due is not None
    return Entry(
        **({"notice": 1, "occurrence": one, "rung": rung, "due": one.due, "own": True} | more)
    )


def letter(*entries: Entry, on: str = "2026-03-18 09:00", **more: Any) -> Composed:
    values = {
        "recipient": "a@da.example", "role": "liaison", "day": at(on).date(), "sequence": 0,
        "institution": "da", "office": "医务科", "entries": entries,
    } | more  # fmt: skip
    return compose(Letter(**values), HOUSE, at(on))


def parts(mail: Composed) -> tuple[str, str]:
    message = read(mail.body)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


def test_text_and_html_say_the_same() -> None:
    one = replace(
        ALL[PLAN],
        submit=(Submission(by="post", what="工作方案", copies=2, to="省局办公室"),),
        reading="“前”含当日",
        other_reading="不含当日",
    )
    for part in parts(letter(entry(one))):
        for said in (
            "甲市人民医院医务科", "2026年3月18日（周三）", "报送工作方案", "3月20日（周五）",
            "还剩 2 个工作日", "报给：省局", "邮寄：工作方案（2份），寄至省局办公室",
            "某卫发〔2025〕1号 三", "我们的读法：“前”含当日", "另一种读法：不含当日",
            f"https://duban.example/items/{PLAN}", "3月23日再提醒一次", "打开链接只是查看",
            "https://duban.example/notifications",
        ):  # fmt: skip
            assert said in part


def test_an_item_of_one_pairing_names_it_and_others_do_not() -> None:
    lecture = next(one for one in ALL.values() if one.obligation == "lecture")
    for one in (ALL[PLAN], lecture):
        for part in parts(letter(entry(one))):
            assert part.count("帮扶关系：甲市人民医院 → 乙县人民医院") == 1
    for part in parts(letter(entry(ALL[JUNE], due=date(2026, 6, 20)), institution="shi")):
        assert "帮扶关系" not in part


def test_the_last_working_day_is_said_where_it_differs() -> None:
    june = ALL[JUNE]  # Saturday 20 June 2026, the day after the Dragon Boat Festival
    assert june.last_working_day != june.due
    for part in parts(letter(entry(june), on="2026-06-16 09:00")):
        plain_text = re.sub(r"<[^>]+>", "", part)
        assert "最迟 6月20日（周六）" in " ".join(plain_text.split())
        assert "到期前最后一个工作日是 6月18日（周四）" in plain_text


def test_a_provisional_year_is_marked() -> None:
    one = replace(ALL[JUNE], provisional=True)
    for part in parts(letter(entry(one), on="2026-06-16 09:00")):
        assert "暂定" in part


def test_what_depends_on_it_and_its_footing_are_said() -> None:
    one = replace(ALL[PLAN], binds_by=date(2026, 3, 19), phase="contested")
    text, _ = parts(letter(entry(one)))
    assert "宜在 3月19日（周四）前办妥" in text
    assert "原文有两种读法" in text


def test_a_mail_loads_nothing_and_leads_nowhere_else() -> None:
    _, html = parts(letter(entry(ALL[PLAN]), entry(ALL[JUNE], "before-14d")))
    assert (
        re.findall(r"<(?:img|script|link|iframe|form|input|button)\b|src=|url\(|@import", html)
        == []
    )
    for target in re.findall(r'href="([^"]*)"', html):
        assert target.startswith("https://duban.example/")


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "甲院\r\nBcc: x", "\u202e院", "甲" * 10_000]
)
def test_hostile_names_stay_text(name: str) -> None:
    one = replace(
        ALL[PLAN], title=name, responsible=Party("da", name), assisting=(Party("x", name),),
        recipients=(Party("ju", name),), clauses=(name,), number=name, reading=name,
        pairings=((Party("da", name), Party("x", name)),), summary=name,
    )  # fmt: skip
    for own in (True, False):
        mail = letter(entry(one, own=own, note=name), office=name)
        message = read(mail.body)
        assert message["Bcc"] is None
        assert "\n" not in message["Subject"]
        text, html = parts(mail)
        assert "<script>" not in html
        assert "\u202e" not in text + html
        assert len(mail.body) < 60_000


def test_how_late_something_is_comes_with_shape_and_word() -> None:
    text, html = parts(letter(entry(ALL[PLAN], "after-1wd"), on="2026-03-23 09:00"))
    assert "■ 应于 3月20日（周五），已逾期 1 个工作日" in text
    assert "■ 已逾期 1 个工作日" in html
    assert "1 项已经逾期" in text


def test_an_escalation_lists_who_owes_and_what_reached_nobody() -> None:
    told = (
        Told(date(2026, 3, 6), "before-14d", "sent"),
        Told(date(2026, 3, 18), "before-2wd", "failed", "550 no such user"),
        Told(date(2026, 3, 23), "after-1wd", "nobody", "无人可送"),
    )
    mail = letter(
        entry(ALL[PLAN], "after-5wd", own=False, told=told),
        on="2026-03-27 09:00", role="coordinator", institution="shi", office="",
    )  # fmt: skip
    assert mail.subject == "[督办·催办] 甲市人民医院：报送工作方案 3月20日已到期"
    for part in parts(mail):
        for said in (
            "甲市卫健委协调员", "1 家单位逾期 5 个工作日未办", "已提醒 3月6日",
            "3月18日的提醒没有送到：邮箱不存在", "3月23日的提醒没有送到：无人可送",
            "4月3日报省局协调员催办",
        ):  # fmt: skip
            assert said in part
        assert "550" not in part
        assert "no such" not in part


def test_a_mail_refused_after_a_doubt_may_have_arrived() -> None:
    told = (Told(date(2026, 3, 18), "before-2wd", "in_doubt", "550 5.7.1 no"),)
    mail = letter(
        entry(ALL[PLAN], "after-5wd", own=False, told=told),
        on="2026-03-27 09:00", institution="shi",
    )  # fmt: skip
    for part in parts(mail):
        assert "3月18日的提醒不能确定是否送到" in part
        assert "没有送到" not in part


def test_an_authority_that_owes_itself_reads_what_to_do() -> None:
    way = Submission(by="email", what="进展表", to="省局")
    june = replace(ALL[JUNE], submit=(way,))
    alone = letter(
        entry(june, "after-5wd", own=False), on="2026-06-29 09:00", institution="shi",
        role="coordinator", office="",
    )  # fmt: skip
    assert alone.subject == "[督办·催办] 甲市卫健委：报送进展表 6月20日已到期"
    for part in parts(alone):
        for said in ("本单位逾期", "未办 1 家：", "本单位", "报给：省局", "电子邮件：进展表，发至省局"):
            assert said in part
        assert "1 家单位逾期" not in part
    other = replace(june, key="pair-2025/progress/yi/2026-jun", responsible=Party("yi", "乙市卫健委"))
    entries = (entry(other, "after-5wd", own=False), entry(june, "after-5wd", own=False))
    for part in parts(letter(*entries, on="2026-06-29 09:00", institution="shi")):
        assert "本单位和另外 1 家单位逾期" in part
        assert part.count("报给：省局") == 1
        assert part.index("发至省局") < part.index("乙市卫健委<" if "<" in part else "乙市卫健委 ")


def test_who_assists_reads_who_leads() -> None:
    late = letter(entry(ALL[PLAN], "after-1wd"), on="2026-03-23 09:00", institution="xiao")
    for part in parts(late):
        assert "由甲市人民医院牵头、本单位协助的 1 项已经逾期，请协助尽快办结" in part
        assert "由甲市人民医院牵头，本单位协助" in part
        assert "请尽快办理并登记" not in part
    soon = letter(entry(ALL[PLAN]), institution="xiao")
    assert "3月20日（周五）前由甲市人民医院牵头、本单位协助的 1 项要办结" in parts(soon)[0]
    own = replace(ALL[JUNE], responsible=Party("xiao", "乙县人民医院"))
    both = letter(entry(ALL[PLAN]), entry(own), institution="xiao")
    assert "还有 2 项要办，最近的3月20日（周五）到期；其中 1 项由其他单位牵头，本单位协助" in parts(both)[0]


def test_the_line_of_rungs_names_a_body_once() -> None:
    one = replace(
        ALL[PLAN],
        rungs=(("after-1wd", "responsible"), ("after-5wd", "issuer"), ("after-10wd", "issuer")),
    )
    text, _ = parts(letter(entry(one)))
    assert "3月23日再提醒一次，3月27日报省局协调员催办，4月3日再次催办。" in text


def test_the_line_of_rungs_does_not_speak_for_those_who_go_another_way() -> None:
    other = replace(ALL[JUNE], key="pair-2025/other/da/once", due=date(2026, 3, 20),
                    responsible=Party("ju", "省局"))  # fmt: skip
    first = replace(ALL[PLAN], key="pair-2025/a/da/once")
    text, _ = parts(letter(entry(first), entry(other)))
    assert "其余各项按各自的期限，向各自的上级逐级催办" in text
    alike = replace(ALL[PLAN], key="pair-2025/b/da/once")
    assert "其余" not in parts(letter(entry(first), entry(alike)))[0]


def test_nobody_was_ever_told_is_said_too() -> None:
    mail = letter(entry(ALL[PLAN], "after-5wd", own=False), on="2026-03-27 09:00")
    assert "此前没有提醒送到过" in parts(mail)[0]


def test_the_last_rung_promises_nothing_more() -> None:
    mail = letter(entry(ALL[PLAN], "after-10wd", own=False), on="2026-04-03 09:00")
    assert "不再逐级催办，仍列在台账上" in parts(mail)[0]


def test_a_mail_of_both_kinds_has_both_parts() -> None:
    mail = letter(
        entry(ALL[JUNE]),
        entry(ALL[PLAN], "before-2wd", own=False, note="甲院没有登记联络员，改送上级协调员"),
        institution="shi",
    )
    text, _ = parts(mail)
    assert "前还有 1 项要办" in text
    assert "1 家单位有 1 项要办，请代为转告" in text
    assert "没有登记联络员" in text


def test_subjects_name_the_most_urgent_and_how_many() -> None:
    both = [entry(ALL[JUNE]), entry(ALL[PLAN])]
    today = date(2026, 3, 18)
    assert subject_of(both, "甲院", today) == "[督办] 甲院：报送工作方案 3月20日到期（共2项）"
    changed = [entry(ALL[PLAN], "changed", was=date(2026, 3, 10))]
    assert subject_of(changed, "甲院", today) == "[督办] 甲院：报送工作方案 3月20日到期，期限有变"


def test_a_subject_names_the_last_working_day_where_it_is_another_one() -> None:
    first = [entry(ALL[JUNE])]
    today = date(2026, 6, 16)
    alone = "[督办] 甲市：报送进展表 6月20日到期（最后工作日6月18日）"
    assert subject_of(first, "甲市", today) == alone
    more = [*first, entry(replace(ALL[JUNE], key="pair-2025/progress/yi/2026-jun"))]
    both = "[督办] 甲市：报送进展表 6月20日到期（最后工作日6月18日，共2项）"
    assert subject_of(more, "甲市", today) == both
    # Over, or when its last working day is, there is none to name.
    assert "最后工作日" not in subject_of(first, "甲市", date(2026, 6, 19))
    assert "最后工作日" not in subject_of(first, "甲市", date(2026, 6, 22))


def test_a_letter_about_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing"):
        letter()


def test_a_mail_of_the_house_is_a_mail_like_the_others() -> None:
    now: datetime = at("2026-03-18 09:00")
    mail = note(HOUSE, "a@b.example", "[督办] 试发邮件", ["第一句。", "<第二句>"], now)
    message = read(mail.body)
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = parts(mail)
    assert "<第二句>" in text
    assert "&lt;第二句&gt;" in html


def test_who_shares_a_history_shares_a_line() -> None:
    other = replace(ALL[PLAN], key="pair-2025/plan/yi.bing/once", responsible=Party("yi", "乙院"))
    told = (Told(date(2026, 3, 6), "before-14d", "sent"),)
    mail = letter(
        entry(ALL[PLAN], "after-5wd", own=False, told=told),
        entry(other, "after-5wd", own=False, told=told),
        on="2026-03-27 09:00", institution="shi",
    )  # fmt: skip
    text, html = parts(mail)
    assert "未办 2 家" in text
    assert text.count("已提醒 3月6日") == 1
    # Read from top to bottom it is told of both, not of the last.
    said = text.index("以下 2 项都是：\n   已提醒 3月6日\n · 甲市人民医院")
    assert said < text.index(" · 乙院")
    assert "甲市人民医院</a>、" in html
    assert "乙院</a>" in html
    assert mail.subject == "[督办·催办] 甲市人民医院等2家：报送工作方案 3月20日已到期（共2项）"
