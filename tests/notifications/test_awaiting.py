"""Mails that something waits for their reader: words, links, what drops out, what it never does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from config.contacts import Contact, Contacts
from notifications import fuse, proof, setback
from notifications.rechecking import answered
from notifications.recorder import Recorder
from notifications.transport import Rejected
from scheduler import queries, reviewing, store
from scheduler.facts import Standing
from scheduler.ladder import ASKED, REVIEWS, SUBMITTED
from scheduler.parties import Party
from scheduler.queries import OCCURRENCES
from scheduler.tables import Message
from scheduler.world import World
from tests.notifications.post import WORLD, Awkward, Post, read, text_of
from tests.notifications.test_compose import ALL, entry, letter, parts
from tests.notifications.test_fuse import Burst
from tests.scheduler.house import JUNE, PLAN, at

BUREAU = Contact("ju", "coordinator", "办公室", "b@ju.example")
HERE = replace(WORLD, contacts=Contacts((), {("ju", "coordinator"): (BUREAU,)}))
REPORTED = "2026-03-05 10:00"


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """Give a house whose bureau accepts reports here."""
    return Post(tmp_path, base=HERE)


def ask(post: Post, when: str, until: date = date(2026, 4, 10)) -> None:
    with store.writing(post.engine) as session:
        reviewing.asked(session, PLAN, until, "人手不足", at(when), post.world)


def mine(post: Post) -> list[Message]:
    return [m for m in post.messages() if m.recipient == BUREAU.email]


def reasons(post: Post) -> list[str | None]:
    return [n.reason for n in post.notices(PLAN) if n.rung in REVIEWS]


def test_a_report_is_told_to_who_accepts_it(post: Post) -> None:
    post.say(PLAN, "submitted", REPORTED, on=date(2026, 3, 4))
    report = post.pass_by("2026-03-05 10:01")
    assert report.sent == 1
    (mail,) = mine(post)
    assert mail.subject == "[督办] 待审：甲市人民医院 3月20日到期的报送工作方案已报送，请受理或退回"
    assert (mail.state, mail.statutory, mail.institution) == ("sent", False, "ju")
    for part in parts_of(mail):
        for said in (
            "省局办公室", "待审：甲市人民医院已报送，请受理或退回", "报送工作方案", "期限 3月20日（周五）",
            "某卫发〔2025〕1号 三", "报送日期 2026-03-04", f"https://duban.example/items/{PLAN}?k=ju.coordinator.",
            "待审期间不再催报送单位",
        ):  # fmt: skip
            assert said in part, said
        assert "未办" not in part
        assert "查看台账：" not in part


def parts_of(mail: Message) -> Sequence[str]:
    message = read(mail.body)
    bodies = [message.get_body((kind,)) for kind in ("plain", "html")]
    return [body.get_content().replace("&amp;", "&") for body in bodies if body is not None]


def test_a_wish_for_more_time_is_told_to_who_decides(post: Post) -> None:
    ask(post, REPORTED)
    post.pass_by("2026-03-05 10:01")
    (mail,) = mine(post)
    assert mail.subject == "[督办] 待审：甲市人民医院 3月20日到期的报送工作方案申请延期，请答复"
    text = text_of(mail)
    assert "想延到 2026-04-10；理由：人手不足" in text
    assert "没有登记以前，照常提醒申请的单位" in text


@pytest.mark.parametrize(
    ("kind", "more", "reason"),
    [
        ("accepted", {}, "已办结"), ("returned", {"reason": "缺公章"}, "已退回"),
        ("corrected", {"reason": "报错了"}, "不再待审"), ("waived", {"reason": "合并"}, "已免报"),
    ],
)  # fmt: skip
def test_what_was_decided_meanwhile_is_not_told(
    post: Post, kind: str, more: dict[str, str], reason: str
) -> None:
    post.say(PLAN, "submitted", "2026-03-04 18:30")
    post.say(PLAN, kind, "2026-03-05 08:30", **more)
    post.gather("2026-03-05 09:00")
    assert mine(post) == []
    assert reasons(post) == [reason]


def test_what_is_decided_before_the_mail_left_takes_it_back(post: Post) -> None:
    post.say(PLAN, "submitted", REPORTED)
    post.gather("2026-03-05 10:01")
    post.say(PLAN, "accepted", "2026-03-05 10:02")
    post.gather("2026-03-05 10:03")
    assert [m.state for m in mine(post)] == ["cancelled"]
    assert reasons(post) == ["已办结"]


def test_an_answered_wish_is_not_told(post: Post) -> None:
    ask(post, "2026-03-04 18:30")
    post.say(PLAN, "extended", "2026-03-05 08:30", until=date(2026, 4, 1), basis="某函1号")
    ask(post, "2026-03-05 08:40", date(2026, 4, 20))
    post.gather("2026-03-05 09:00")
    assert reasons(post) == [reviewing.AGAIN, None]
    assert "想延到 2026-04-20" in text_of(mine(post)[0])
    assert "期限 4月1日" in text_of(mine(post)[0])


@pytest.mark.parametrize(
    ("rung", "said", "reason"),
    [
        (SUBMITTED, Standing("submitted"), None),
        (SUBMITTED, Standing("open"), "不再待审"),
        (SUBMITTED, Standing("acknowledged", date(2026, 3, 9)), "不再待审"),
        (ASKED, Standing("open"), None),
        (ASKED, Standing("acknowledged", date(2026, 3, 9)), None),
        (ASKED, Standing("returned", None, date(2026, 3, 20)), None),
        (ASKED, Standing("open", None, date(2026, 3, 21)), "已答复"),
        (ASKED, Standing("submitted"), "已报送或办结"),
        (ASKED, Standing("completed"), "已报送或办结"),
    ],
)
def test_when_it_is_answered(post: Post, rung: str, said: Standing, reason: str | None) -> None:
    ask(post, REPORTED)
    (notice,) = post.notices(PLAN)
    notice.rung = rung
    assert answered(notice, said) == reason


def test_silence_of_who_asked_does_not_keep_it_back(post: Post) -> None:
    post.say(PLAN, "acknowledged", "2026-03-05 09:30", until=date(2026, 3, 18))
    ask(post, REPORTED)
    post.pass_by("2026-03-05 10:01")
    assert len(mine(post)) == 1


def test_it_is_part_of_the_digest_and_told_once(post: Post) -> None:
    post.say(PLAN, "submitted", "2026-07-03 08:00", on=date(2026, 3, 20))
    post.pass_by("2026-07-03 09:00")  # the day on which the city's report goes up to the bureau
    post.pass_by("2026-07-06 09:00")
    (mail,) = mine(post)
    assert mail.subject == "[督办·催办] 甲市卫健委：报送进展表 6月20日已到期"
    text = text_of(mail)
    assert "1 家单位逾期 10 个工作日未办" in text
    assert "查看台账：https://duban.example/ledgers/ju?document=pair-2025&period=2026&k=ju." in text
    assert "待审：甲市人民医院已报送，请受理或退回" in text


def test_a_late_report_is_told_though_its_date_is_over(post: Post) -> None:
    post.say(PLAN, "submitted", "2026-04-20 17:55")
    post.gather("2026-04-20 17:56")
    report = post.deliver("2026-04-21 09:00", Recorder())
    assert report.sent == 1


def test_a_clock_that_was_ahead_does_not_keep_it_back(post: Post) -> None:
    post.say(PLAN, "submitted", "2027-03-05 19:00", on=date(2026, 3, 4))
    with store.writing(post.engine) as session:
        queries.set_mark(session, "tick", at("2027-03-05 19:00").isoformat())
    assert setback.mend(post.engine, at("2026-03-05 10:00"), post.world)
    post.pass_by("2026-03-05 10:01")
    assert [m.state for m in mine(post)] == ["sent"]


def test_a_second_report_goes_to_the_next_contact_where_the_first_refuses(tmp_path: Path) -> None:
    liaison = Contact("ju", "liaison", "医政处", "y@ju.example")
    known = {("ju", "coordinator"): (BUREAU,), ("ju", "liaison"): (liaison,)}
    post = Post(tmp_path, base=replace(WORLD, contacts=Contacts((), known)))
    post.say(PLAN, "submitted", "2026-03-04 10:00")
    post.pass_by("2026-03-04 10:01")
    post.say(PLAN, "returned", "2026-03-05 08:00", reason="缺公章")
    post.say(PLAN, "submitted", "2026-03-05 08:30")
    post.pass_by("2026-03-05 09:00", Awkward([Rejected("550 no such user")]))
    post.pass_by("2026-03-05 09:10")
    last = post.messages()[-1]
    assert (last.recipient, last.state) == ("y@ju.example", "sent")
    assert "原收件邮箱 b@ju.example 拒收" in text_of(last)


def test_every_notice_is_in_one_state(post: Post) -> None:
    post.say(PLAN, "submitted", "2026-03-04 18:30")
    ask(post, "2026-03-04 18:30")
    for step in range(2):
        with store.reading(post.engine) as session:
            assert proof.prove(session, at("2026-03-05 09:00")).wrong == ()
        if step == 0:
            post.pass_by("2026-03-05 09:00")


def test_many_reports_are_no_burst(tmp_path: Path) -> None:
    town = Burst(tmp_path)
    town.until("2026-03-03", "2026-03-04")
    reachable: World = replace(town.world, placeholders=True)
    with store.writing(town.engine) as session:
        for key in session.execute(select(OCCURRENCES.c.key)).scalars().all():
            if key.startswith("town-2026/"):
                now = at("2026-03-05 08:30")
                reviewing.asked(session, key, date(2026, 4, 10), "雪灾", now, reachable)
    assert len({n.key for n in town.notices() if n.rung == ASKED}) > fuse.SPARE
    with store.writing(town.engine) as session:
        fuse.judge(session, at("2026-03-05 09:00"), town.world)
    assert town.tripped is None


def test_beside_what_is_owed_it_has_its_own_part() -> None:
    mail = letter(
        entry(ALL[JUNE]),
        entry(ALL[PLAN], SUBMITTED, own=False, note="报送日期 2026-03-05"),
        entry(ALL[PLAN], ASKED, own=False, note="想延到 2026-04-10；理由：<b>忙"),
        role="coordinator", institution="shi",
    )  # fmt: skip
    text, html = parts(mail)
    assert "待审" not in mail.subject
    assert "（共" not in mail.subject
    for said in (
        "前还有 1 项要办", "待审：甲市人民医院已报送，请受理或退回；甲市人民医院申请延期，请答复",
        "受理以后那一项办结",
    ):  # fmt: skip
        assert said in text
        assert said in html
    assert "未办" not in text
    assert "&lt;b&gt;忙" in html


def test_several_of_one_duty_stand_together() -> None:
    one = ALL[PLAN]
    other = replace(one, key="pair-2025/plan/x/once", responsible=Party("x", "丁院"))
    mail = letter(
        entry(one, SUBMITTED, own=False), entry(other, SUBMITTED, own=False),
        role="coordinator", institution="ju",
    )  # fmt: skip
    text, _ = parts(mail)
    assert mail.subject.endswith("请受理或退回（共2项）")
    assert "待审：2 家单位有 2 项已报送，请受理或退回" in text
    assert text.count("依据：") == 1
    assert "丁院" in text
