"""A deadline that an authority extended is the one that is reminded of, and both are shown."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from notifications import feeds
from notifications.feed_entries import entries
from scheduler import queries, store
from scheduler.matrix import matrix
from scheduler.recording import Refused
from scheduler.reminding import remind
from tests.notifications.post import WORLD, Awkward, Post
from tests.scheduler.house import JUNE, PLAN, WORKFLOW, at, found
from tests.scheduler.receivers import Receivers

LATER = date(2026, 4, 24)
EXTEND = {"until": LATER, "basis": "某卫函〔2026〕9号"}


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path)


def texts(way: Awkward) -> str:
    found = [email.message_from_bytes(one.body, policy=email.policy.default) for one in way.handed]
    parts = [str(mail["Subject"]) + mail.get_body(("plain",)).get_content() for mail in found]
    return "\n".join(parts)


def test_the_ladder_runs_with_the_extended_date(post: Post) -> None:
    post.say(PLAN, "extended", "2026-03-02 10:00", **EXTEND)
    for day in ("2026-03-06", "2026-03-18", "2026-03-23", "2026-04-08", "2026-04-10"):
        post.pass_by(f"{day} 09:00", Awkward())
    assert [(n.rung, n.due) for n in post.notices(PLAN)] == [("before-14d", LATER)] * 2
    way = Awkward()
    post.pass_by("2026-04-27 09:00", way)
    assert {n.rung for n in post.notices(PLAN)} == {"before-14d", "after-1wd"}
    assert "原定3月20日（周五），已延期至4月24日（周五）" in texts(way)
    row = post.row(PLAN)
    assert (row["due"], row["extended_to"]) == (date(2026, 3, 20), LATER)


def test_who_was_told_the_old_date_is_told_once_that_it_has_changed(post: Post) -> None:
    post.pass_by("2026-03-06 09:00", Awkward())
    told = len(post.notices(PLAN))
    post.say(PLAN, "extended", "2026-03-09 10:00", **EXTEND)
    changed = [n for n in post.notices(PLAN) if n.rung == "changed"]
    assert (len(changed), {n.due for n in changed}) == (told, {LATER})
    way = Awkward()
    post.pass_by("2026-03-09 10:05", way)
    assert len(way.handed) == told
    said = texts(way)
    assert said.count("期限由 3月20日（周五）改为 4月24日（周五）") == told
    assert said.count("经某卫函〔2026〕9号延期") == told
    assert said.count("3月20日") == told  # the old date once in each, and not in the subject
    post.pass_by("2026-03-20 09:00", Awkward())
    post.pass_by("2026-03-23 09:00", Awkward())
    assert len(post.notices(PLAN)) == 2 * told


def test_a_mail_that_waits_about_the_old_date_is_taken_back(post: Post) -> None:
    post.tick("2026-03-06 09:00")
    post.gather("2026-03-06 09:00")
    post.say(PLAN, "extended", "2026-03-06 09:30", **EXTEND)
    assert set(post.states()) == {"cancelled"}
    post.gather("2026-03-06 09:31")
    assert {n.reason for n in post.notices(PLAN)} == {"期限已改"}
    assert set(post.states()) == {"cancelled"}


def test_extended_after_the_fact_goes_on_with_the_new_date(post: Post) -> None:
    for day in ("2026-03-06", "2026-03-18", "2026-03-23"):
        post.pass_by(f"{day} 09:00", Awkward())
    assert post.notices(PLAN)[-1].rung == "after-1wd"
    post.say(PLAN, "extended", "2026-03-24 10:00", **EXTEND)
    way = Awkward()
    post.pass_by("2026-03-30 09:00", way)
    assert {n.rung for n in post.notices(PLAN) if n.due == LATER} == {"changed"}
    for day in ("2026-04-10", "2026-04-22", "2026-04-27"):
        post.pass_by(f"{day} 09:00", way)
    rungs = [n.rung for n in post.notices(PLAN) if n.due == LATER]
    assert list(dict.fromkeys(rungs)) == ["changed", "before-14d", "before-2wd", "after-1wd"]


def test_an_extension_withdrawn_brings_the_old_date_back(post: Post) -> None:
    post.say(PLAN, "extended", "2026-03-02 10:00", **EXTEND)
    post.say(PLAN, "corrected", "2026-03-03 10:00", reason="登记到了别的事项")
    assert post.row(PLAN)["extended_to"] is None
    post.pass_by("2026-03-06 09:00", Awkward())
    assert {n.due for n in post.notices(PLAN)} == {date(2026, 3, 20)}


def test_an_edit_leaves_a_later_extension_standing(post: Post) -> None:
    post.say(PLAN, "extended", "2026-03-02 10:00", **EXTEND)
    nearer = found(WORKFLOW.replace("on: 2026-03-20", "on: 2026-03-27"))
    (move,) = [m for m in post.proposal(nearer, "2026-03-02 11:00").changes.moves if m.key == PLAN]
    assert "延期至2026-04-24，仍然有效" in move.cause
    assert move.mails == ()
    post.edit(nearer, "2026-03-02 11:00")
    assert post.row(PLAN)["extended_to"] == LATER
    post.pass_by("2026-04-10 09:00", Awkward())
    assert {n.due for n in post.notices(PLAN)} == {LATER}
    beyond = found(WORKFLOW.replace("on: 2026-03-20", "on: 2026-05-29"))
    (move,) = [m for m in post.proposal(beyond, "2026-04-10 11:00").changes.moves if m.key == PLAN]
    assert "不再起作用" in move.cause
    assert "changed" in move.mails
    post.edit(beyond, "2026-04-10 11:00")
    assert post.row(PLAN)["extended_to"] is None
    assert {n.due for n in post.notices(PLAN) if n.rung == "changed"} == {date(2026, 5, 29)}


def test_history_that_was_extended_is_reminded_of_again(post: Post) -> None:
    old = "pair-2025/progress/shi/2025-nov"
    assert post.row(old)["history"]
    post.say(old, "extended", "2026-03-02 10:00", until=date(2026, 6, 1), basis="某卫函〔2026〕9号")
    assert (post.row(old)["status"], post.row(old)["extended_to"]) == ("open", date(2026, 6, 1))
    post.pass_by("2026-05-18 09:00", Awkward())
    assert [n.rung for n in post.notices(old)] == ["before-14d"]
    post.say(old, "completed", "2026-05-19 10:00")
    post.say(old, "corrected", "2026-05-20 10:00", reason="登错了")
    post.say(old, "corrected", "2026-05-20 11:00", reason="没有延期")
    assert (post.row(old)["status"], post.row(old)["next_notice_at"]) == ("history", None)


def test_what_was_granted_long_ago_is_assessed_and_changes_nothing_else(post: Post) -> None:
    """An authority's letter of March comes to the record in May, when its day is past too."""
    past = {"on": date(2026, 3, 18), "until": LATER, "basis": "某卫函〔2026〕9号"}
    for kind, when in (("completed", "2026-05-11 10:00"), ("extended", "2026-05-12 10:00")):
        more = past if kind == "extended" else {"on": date(2026, 4, 20)}
        post.say(PLAN, kind, when, **more)
    with store.reading(post.engine) as session:
        (cell,) = [
            one
            for one in matrix(session, post.world, "pair-2025", at("2026-05-12 11:00")).cells
            if one.key == PLAN
        ]
    assert (cell.status, cell.on_time, cell.on_time_original) == ("已报", True, False)
    assert (cell.due, cell.extended_to) == (date(2026, 3, 20), LATER)
    assert cell.note == "原定3月20日，延期后按期"
    assert not [n for n in post.notices(PLAN) if n.due == LATER]


def test_granted_into_a_day_now_past_and_not_reported_it_is_late_from_that_day(post: Post) -> None:
    post.say(
        PLAN, "extended", "2026-05-12 10:00",
        on=date(2026, 3, 18), until=date(2026, 5, 8), basis="某卫函〔2026〕9号",
    )  # fmt: skip
    post.pass_by("2026-05-12 10:01", Awkward())
    assert {(n.rung, n.due) for n in post.notices(PLAN)} == {("after-1wd", date(2026, 5, 8))}
    with pytest.raises(Refused, match="文件日期 2026-05-09 晚于"):
        post.say(
            PLAN, "extended", "2026-05-12 10:02",
            on=date(2026, 5, 9), until=date(2026, 5, 8), basis="x",
        )  # fmt: skip
    with pytest.raises(Refused, match="已经过去") as refused:
        post.say(PLAN, "extended", "2026-05-12 10:03", until=date(2026, 5, 9), basis="x")
    assert "--on" in refused.value.hint


def test_history_granted_into_history_stays_history(post: Post) -> None:
    old = "pair-2025/progress/shi/2025-nov"
    granted = {"on": date(2025, 11, 3), "until": date(2025, 12, 31), "basis": "某卫函〔2025〕7号"}
    post.say(old, "extended", "2026-03-02 10:00", **granted)
    row = post.row(old)
    assert (row["status"], row["next_notice_at"]) == ("history", None)
    assert row["extended_to"] == date(2025, 12, 31)
    post.edit(found(WORKFLOW.replace("title: 报送进展表", "title: 报进展表")), "2026-03-03 10:00")
    assert (post.row(old)["status"], post.row(old)["next_notice_at"]) == ("history", None)


def test_calendars_show_the_day_that_counts_and_the_original(post: Post) -> None:
    with store.reading(post.engine) as session:
        before = entries(session, "da", date(2026, 3, 2), post.world).entries
    post.say(PLAN, "extended", "2026-03-02 10:00", **EXTEND)
    with store.reading(post.engine) as session:
        after = entries(session, "da", date(2026, 3, 2), post.world).entries
    (one,) = [entry for entry in after if entry.occurrence.key == PLAN]
    assert one.sequence == next(e for e in before if e.occurrence.key == PLAN).sequence + 1
    body = feeds.render_one(post.engine, "da", at("2026-03-02 11:00"), post.world)
    text = body.decode().replace("\r\n ", "")
    event = next(part for part in text.split("BEGIN:VEVENT") if f"UID:{PLAN}@duban" in part)
    assert "DTSTART;VALUE=DATE:20260424" in event
    assert "原定2026年3月20日" in event


REFUSALS = [
    ({"until": date(2026, 3, 1)}, "已经过去"),
    ({"until": date(2026, 3, 20)}, "不晚于原定"),
    ({"until": None}, "新的期限"),
    ({"basis": " "}, "依据"),
    ({"on": date(2026, 3, 3)}, "还没有到"),
]


@pytest.mark.parametrize(("more", "word"), REFUSALS)
def test_extensions_that_are_refused(post: Post, more: dict[str, object], word: str) -> None:
    with pytest.raises(Refused, match=word):
        post.say(PLAN, "extended", "2026-03-02 10:00", **(EXTEND | more))
    assert post.row(PLAN)["extended_to"] is None


def test_extensions_that_do_not_fit(post: Post) -> None:
    post.say(PLAN, "extended", "2026-03-02 10:00", **EXTEND)
    with pytest.raises(Refused, match="已经延期到"):
        post.say(PLAN, "extended", "2026-03-02 10:01", **EXTEND)
    post.say(PLAN, "extended", "2026-03-02 10:02", **(EXTEND | {"until": date(2026, 5, 8)}))
    assert post.row(PLAN)["extended_to"] == date(2026, 5, 8)
    post.say(PLAN, "completed", "2026-03-02 10:03")
    with pytest.raises(Refused, match="已按期办结"):
        post.say(PLAN, "extended", "2026-03-02 10:04", **(EXTEND | {"until": date(2026, 6, 8)}))
    lecture = "pair-2025/lecture/da.xiao/2026-m03"
    with pytest.raises(Refused, match="没有可以延的期限"):
        post.say(lecture, "extended", "2026-03-02 10:05", **EXTEND)


def test_a_reminder_on_request_goes_to_those_who_owe_once_a_day(post: Post) -> None:
    def ask(when: str, period: str = "once") -> list[str]:
        with store.writing(post.engine) as session:
            found = remind(session, "pair-2025", period, at(when), post.world, "测试", True)
        return [one.institution for one in found.told]

    assert ask("2026-03-02 10:00") == ["甲市人民医院"]
    with pytest.raises(Refused, match="今天已经催过"):
        ask("2026-03-02 15:00")
    way = Awkward()
    post.pass_by("2026-03-02 15:01", way)
    assert {m.recipient for m in way.handed} == {"liaison@da.example", "liaison@xiao.example"}
    # The ladder goes on as if nothing had been asked for, overdue or not.
    for day in ("2026-03-06", "2026-03-18", "2026-03-23", "2026-03-27"):
        post.pass_by(f"{day} 09:00", Awkward())
    assert [r for r, _ in post.rungs(PLAN)] == [
        "remind", "before-14d", "before-2wd", "after-1wd", "after-5wd",
    ]  # fmt: skip
    assert ask("2026-03-30 10:00") == ["甲市人民医院"]
    overdue = Awkward()
    post.pass_by("2026-03-30 10:01", overdue)
    assert len(overdue.handed) == 2
    post.say(PLAN, "completed", "2026-03-31 10:00")
    with pytest.raises(Refused, match="没有谁还欠着"):
        ask("2026-03-31 11:00")
    with pytest.raises(Refused, match="没有“2031-x”这一期"):
        ask("2026-03-31 11:00", "2031-x")


def test_a_reminder_on_request_is_dropped_where_it_was_done_before_it_left(post: Post) -> None:
    with store.writing(post.engine) as session:
        remind(session, "pair-2025", "2026-jun", at("2026-03-02 19:00"), post.world, "测试", True)
    post.say(JUNE, "completed", "2026-03-02 20:00")
    way = Awkward()
    post.pass_by("2026-03-03 09:00", way)
    assert way.handed == []
    assert {n.reason for n in post.notices(JUNE)} == {"已办结"}


def test_what_waits_for_acceptance_is_silent_and_a_return_is_not(tmp_path: Path) -> None:
    post = Post(tmp_path, base=replace(WORLD, contacts=Receivers()))
    post.say(PLAN, "submitted", "2026-03-19 10:00")
    assert post.row(PLAN)["status"] == "submitted"
    for day in ("2026-03-20", "2026-03-23", "2026-03-30"):
        post.pass_by(f"{day} 09:00", Awkward())
    assert [(n.recipient, n.rung) for n in post.notices(PLAN)] == [("ju@example.org", "submitted")]
    post.say(PLAN, "returned", "2026-03-31 10:00", reason="少一份附件")
    assert post.row(PLAN)["status"] == "returned"
    post.pass_by("2026-03-31 10:01", Awkward())
    assert {n.rung for n in post.notices(PLAN)} == {"submitted", "after-5wd"}
    post.say(PLAN, "submitted", "2026-04-01 10:00")
    post.say(PLAN, "accepted", "2026-04-02 10:00")
    assert post.row(PLAN)["status"] == "completed"
    with store.reading(post.engine) as session:
        assert len(queries.facts(session, [PLAN])[PLAN]) == 4
