"""Notices become mails: one a day and role, looked at once more, and never held up by one fault."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from notifications import compose, links
from notifications.compose import Composed, Letter
from scheduler import queries, store
from scheduler.queries import NOTICES, OCCURRENCES
from tests.notifications.post import Post, read, text_of
from tests.scheduler.house import JUNE, PAIRINGS, PLAN, TABLES, WORKFLOW, ZONE, at, found

TWO = TABLES | {"pairings.csv": PAIRINGS + "da.xiao2,da,xiao2,附件第2行,,,,,\n"}
SECOND = "pair-2025/plan/da.xiao2/once"


def test_a_mail_names_what_by_when_to_whom_on_which_clause(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.pass_by("2026-03-06 09:00")
    main, assisting = post.messages()
    assert main.subject == "[督办] 甲市人民医院：报送工作方案 3月20日到期"
    assert main.recipient == "liaison@da.example"
    text = text_of(main)
    for part in (
        "3月20日（周五）", "还剩 10 个工作日", "报给：省局", "某卫发〔2025〕1号 三",
        f"https://duban.example/items/{PLAN}", "3月23日再提醒一次", "打开链接只是查看",
    ):  # fmt: skip
        assert part in text
    assert "由甲市人民医院牵头，本单位协助" in text_of(assisting)
    assert read(main.body)["Subject"] == main.subject
    assert read(main.body)["Message-ID"] == main.message_id


def test_everything_of_a_day_is_one_mail_and_the_same_duty_is_one_item(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.edit(found(WORKFLOW, TWO), "2026-03-02 09:00")
    post.pass_by("2026-03-06 09:00")
    mails = [m for m in post.messages() if m.recipient == "liaison@da.example"]
    assert len(mails) == 1
    assert mails[0].subject == "[督办] 甲市人民医院：报送工作方案 3月20日到期（共2项）"
    text = text_of(mails[0])
    assert "3月20日（周五）前还有 2 项要办" in text
    assert "1. 报送工作方案（2 项）" in text
    assert "协助：各自的受援单位，即下列 2 家" in text
    assert text.count("最迟 3月20日") == 1
    assert f"丙县人民医院 https://duban.example/items/{SECOND}" in text


def test_what_comes_later_the_same_day_waits_for_the_next_sending_hours(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.pass_by("2026-03-06 09:00")
    post.edit(found(WORKFLOW, TWO), "2026-03-06 10:00")  # a Friday
    post.pass_by("2026-03-06 10:05")
    assert [m.recipient for m in post.messages()][2:] == ["liaison@xiao2.example"]
    (waiting,) = [n for n in post.notices(SECOND) if n.recipient == "liaison@da.example"]
    assert waiting.release_at.astimezone(ZONE) == at("2026-03-09 09:00")
    post.pass_by("2026-03-09 09:00")
    late = [m for m in post.messages() if m.day == date(2026, 3, 9)]
    assert [m.recipient for m in late] == ["liaison@da.example"]
    assert SECOND in text_of(late[0])
    assert PLAN not in text_of(late[0])


@pytest.mark.parametrize("when", ["2026-03-06 08:59", "2026-03-06 18:00", "2026-03-07 10:00"])
def test_nothing_is_composed_outside_the_sending_hours(tmp_path: Path, when: str) -> None:
    post = Post(tmp_path)
    post.tick("2026-03-06 09:00")
    assert post.gather(when).composed == 0
    assert post.messages() == []


def test_what_was_done_meanwhile_drops_out_with_its_reason(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.tick("2026-03-06 09:00")
    post.say(PLAN, "completed", "2026-03-06 09:10")
    assert post.gather("2026-03-06 09:20").dropped == 2
    assert post.messages() == []
    assert {n.reason for n in post.notices(PLAN)} == {"已办结"}


def test_a_composed_mail_is_replaced_when_part_of_it_was_done(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.edit(found(WORKFLOW, TWO), "2026-03-02 09:00")
    post.tick("2026-03-06 09:00")
    post.gather("2026-03-06 09:00")
    post.say(PLAN, "completed", "2026-03-06 09:10")
    post.gather("2026-03-06 09:20")
    mine = [m for m in post.messages() if m.recipient == "liaison@da.example"]
    assert [(m.state, m.sequence) for m in mine] == [("cancelled", 0), ("ready", 1)]
    assert mine[0].message_id != mine[1].message_id
    assert PLAN not in text_of(mine[1])
    assert SECOND in text_of(mine[1])


def test_acknowledged_notices_wait_and_collapse_afterwards(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.tick("2026-03-06 09:00")
    post.say(PLAN, "acknowledged", "2026-03-06 09:10", until=date(2026, 3, 18))
    post.gather("2026-03-06 09:20")
    for day in range(9, 19):
        post.pass_by(f"2026-03-{day:02} 09:00")
    assert post.messages() == []
    post.pass_by("2026-03-19 09:00")
    mails = post.messages()
    assert [m.recipient for m in mails] == ["liaison@da.example", "liaison@xiao.example"]
    assert all(m.statutory for m in mails)
    reasons = {n.rung: n.reason for n in post.notices(PLAN)}
    assert reasons == {"before-14d": "已并入后一档", "before-2wd": None}


def test_a_moved_date_is_told_with_the_old_one(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.pass_by("2026-03-06 09:00")
    post.edit(found(WORKFLOW.replace("2026-03-20}", "2026-03-27}")), "2026-03-09 10:00")
    post.pass_by("2026-03-09 10:05")
    told = [m for m in post.messages() if m.day == date(2026, 3, 9)]
    assert [m.recipient for m in told] == ["liaison@da.example", "liaison@xiao.example"]
    assert "期限有变" in told[0].subject
    assert "期限由 3月20日（周五）改为 3月27日（周五）" in text_of(told[0])
    first = next(m for m in post.messages() if m.recipient == told[0].recipient)
    assert read(told[0].body)["References"] == first.message_id


def test_a_moved_date_and_the_reminder_of_the_new_one_are_one_item(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.pass_by("2026-03-06 09:00")
    # The new date is so near that its first reminder is due in the same minute.
    post.edit(found(WORKFLOW.replace("2026-03-20}", "2026-03-18}")), "2026-03-09 10:00")
    post.pass_by("2026-03-09 10:05")
    told = [m for m in post.messages() if m.day == date(2026, 3, 9)]
    assert [m.recipient for m in told] == ["liaison@da.example", "liaison@xiao.example"]
    text = text_of(told[0])
    assert text.count("期限由 3月20日（周五）改为 3月18日（周三）") == 1
    assert text.count(f"/items/{PLAN}") == 1
    moved = [n for n in post.notices(PLAN) if n.due == date(2026, 3, 18)]
    assert {n.rung for n in moved} == {"changed", "before-14d"}
    assert all(n.message_id is not None and n.reason is None for n in moved)


def test_an_escalation_says_who_owes_since_when_and_what_was_sent(tmp_path: Path) -> None:
    post = Post(tmp_path)
    for day in ("03-06", "03-18", "03-23", "03-27"):
        post.pass_by(f"2026-{day} 09:00")
    mail = post.messages()[-1]
    assert (mail.recipient, mail.statutory) == ("coordinator@shi.example", True)
    assert mail.subject == "[督办·催办] 甲市人民医院：报送工作方案 3月20日已到期"
    text = text_of(mail)
    for part in (
        "1 家单位逾期 5 个工作日未办", "甲市人民医院", "已提醒 3月6日、3月18日，已催办 3月23日",
        "4月3日报省局协调员催办",
    ):  # fmt: skip
        assert part in text
    assert len(read(mail.body)["References"].split()) == 6


def test_a_notice_that_cannot_be_written_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post(tmp_path)
    post.edit(found(WORKFLOW, TWO), "2026-03-02 09:00")
    post.tick("2026-03-06 09:00")

    def fails_for_one(letter: Letter, world: object, now: object, *_: object) -> Composed:
        if any(entry.occurrence.key == PLAN for entry in letter.entries):
            raise RuntimeError("the template is at fault")
        return compose.compose(letter, post.world, at("2026-03-06 09:00"))

    monkeypatch.setattr("notifications.gather.compose", fails_for_one)
    report = post.gather("2026-03-06 09:00")
    assert set(report.faults) == {PLAN}
    mine = [m for m in post.messages() if m.recipient == "liaison@da.example"]
    assert len(mine) == 1
    assert SECOND in text_of(mine[0])
    for notice in post.notices(PLAN):
        assert notice.reason is not None
        assert "the template is at fault" in notice.reason


def test_a_stored_occurrence_that_cannot_be_read_holds_up_nobody(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.edit(found(WORKFLOW, TWO), "2026-03-02 09:00")
    post.tick("2026-03-06 09:00")
    with store.writing(post.engine) as session:
        session.execute(OCCURRENCES.update().where(OCCURRENCES.c.key == PLAN).values(body="{"))
    assert post.gather("2026-03-06 09:00").faults == [PLAN, PLAN]
    assert len(post.messages()) == 2
    assert all(SECOND in text_of(m) for m in post.messages())


def test_a_second_gathering_finds_nothing_to_do(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.tick("2026-03-06 09:00")
    assert post.gather("2026-03-06 09:00").composed == 2
    again = post.gather("2026-03-06 09:00")
    assert (again.composed, again.dropped, again.put_off) == (0, 0, 0)


def test_the_same_notices_make_the_same_bytes(tmp_path: Path) -> None:
    bodies = []
    for name in ("one", "two"):
        post = Post(tmp_path / name)
        with store.writing(post.engine) as session:  # with one key, as a restored store has it
            queries.set_mark(session, links.MARK, "a-key")
        post.tick("2026-03-06 09:00")
        post.gather("2026-03-06 09:00")
        bodies.append([m.body for m in post.messages()])
    assert bodies[0] == bodies[1]
    assert len(bodies[0]) == 2


def test_a_reminder_held_past_its_date_is_dropped(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.tick("2026-06-15 09:00")
    with store.writing(post.engine) as session:
        session.execute(
            NOTICES.update().where(NOTICES.c.key == JUNE).values(release_at=at("2026-06-22 09:00"))
        )
    assert post.gather("2026-06-22 09:00").dropped >= 1
    assert {n.reason for n in post.notices(JUNE)} == {"期限已过"}


def test_what_was_refused_after_a_doubt_is_not_said_to_be_lost(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.pass_by("2026-03-18 09:00")
    for message in post.messages():
        reason = "不能确定邮件服务器是否收下，再次交出时被拒"
        post.set(message.id or 0, state="failed", reason=reason, reply="550 5.1.1 no such user")
    post.pass_by("2026-03-23 09:00")
    for message in post.messages()[2:]:
        post.set(message.id or 0, state="failed", reason=None, reply="550 5.1.1 no such user")
    post.pass_by("2026-03-27 09:00")
    text = text_of(post.messages()[-1])
    assert "3月18日的提醒不能确定是否送到" in text
    assert text.count("没有送到") == 1
    assert "3月23日的提醒没有送到：邮箱不存在" in text
