"""Edits: what a plan says, and what carrying it out does to occurrences, notices and calendars."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from scheduler import queries, store
from scheduler.applying import adopt_bundled
from scheduler.extending import extend
from scheduler.plan import Move
from scheduler.proposing import Proposal, candidates, differing
from scheduler.recording import Statement, record
from tests.scheduler.house import (
    BASE,
    JUNE,
    PAIRINGS,
    PLAN,
    TABLES,
    WORKFLOW,
    House,
    at,
    days,
    found,
    loaded,
    run,
)

LATER = WORKFLOW.replace("on: 2026-03-20", "on: 2026-04-15")


def moves(proposal: Proposal, action: str | None = None) -> dict[str, Move]:
    return {m.key: m for m in proposal.changes.moves if action in (None, m.action)}


def say(house: House, when: str, kind: str, key: str = PLAN, **more: Any) -> str:
    with store.writing(house.engine) as session:
        return record(session, Statement(key, kind, **more), at(when), "测试", house.world)


def without(obligation: str) -> str:
    blocks = WORKFLOW.split("  - id: ")
    return "  - id: ".join(b for b in blocks if not b.startswith(f"{obligation}\n"))


def test_first_load_adds_everything_once_and_history_is_quiet(tmp_path: Path) -> None:
    house = House(tmp_path, "2026-03-21 10:00")
    with store.writing(house.engine) as session:
        assert adopt_bundled(session, loaded(LATER), at("2026-03-22 10:00"), BASE) is None
    assert house.row(PLAN)["due"] == date(2026, 3, 20)
    with store.reading(house.engine) as session:
        version = queries.versions(session)["pair-2025"]
        assert version.adopted_on == date(2026, 3, 21)
        assert differing(session, loaded()) == ()
        assert differing(session, loaded(LATER)) == ("pair-2025",)
        relations = session.execute(
            select(queries.PARTIES.c.institution, queries.PARTIES.c.relation).where(
                queries.PARTIES.c.key == PLAN
            )
        ).all()
    assert dict(relations) == {"da": "responsible", "xiao": "assisting", "ju": "receiver"}


def test_the_same_files_plan_nothing(house: House) -> None:
    proposal = house.proposal(found(), "2026-03-01 10:00")
    assert not proposal.any
    assert proposal.changes.moves == ()


def test_a_moved_date_is_shown_with_its_cause_and_its_mails(house: House) -> None:
    run(house, days("2026-03-06", "2026-03-06"))
    house.send()
    proposal = house.proposal(found(LATER), "2026-03-10 10:00")
    assert list(moves(proposal)) == [PLAN]
    move = moves(proposal)[PLAN]
    assert (move.action, move.old, move.new) == ("change", date(2026, 3, 20), date(2026, 4, 15))
    assert (move.cause, move.sent, move.mails) == ("期限改动", 2, ("changed",))


def test_those_who_were_told_hear_of_the_new_date_once(house: House) -> None:
    run(house, days("2026-03-06", "2026-03-06"))
    house.send()
    before = house.row(PLAN)
    house.edit(found(LATER), "2026-03-10 19:00")
    after = house.row(PLAN)
    assert after["due"] == date(2026, 4, 15)
    assert after["sequence"] == int(str(before["sequence"])) + 1
    assert after["modified_at"] == at("2026-03-10 19:00")
    changed = [n for n in house.notices(PLAN) if n.rung == "changed"]
    assert [(n.recipient, n.due, n.release_at) for n in changed] == [
        ("liaison@da.example", date(2026, 4, 15), at("2026-03-11 09:00")),
        ("liaison@xiao.example", date(2026, 4, 15), at("2026-03-11 09:00")),
    ]
    assert changed[0].note == "期限由2026-03-20改为2026-04-15"
    run(house, days("2026-03-11", "2026-05-31"))
    dates = {n.rung: n.planned_at.date() for n in house.notices(PLAN) if n.due > date(2026, 4, 1)}
    assert dates["before-14d"] == date(2026, 4, 1)
    assert list(dates) == [
        "changed", "before-14d", "before-2wd", "after-1wd", "after-5wd", "after-10wd",
    ]  # fmt: skip


def test_nobody_was_told_nobody_hears(house: House) -> None:
    house.edit(found(LATER), "2026-02-10 10:00")
    assert house.notices(PLAN) == []


def test_a_notice_that_waits_with_the_old_date_is_dropped_with_its_reason(house: House) -> None:
    house.tick("2026-03-06 09:00")
    with store.writing(house.engine) as session:
        house.mail(session, house.notices(PLAN)[0], "ready")
    house.edit(found(LATER), "2026-03-06 09:10")
    assert [(n.reason, n.message_id) for n in house.notices(PLAN)] == [("期限已改", None)] * 2
    with store.reading(house.engine) as session:
        assert session.execute(select(queries.MESSAGES.c.state)).scalars().all() == ["cancelled"]


def test_a_date_moved_into_the_past_is_not_chased(house: House) -> None:
    house.edit(found(WORKFLOW.replace("on: 2026-03-20", "on: 2026-02-02")), "2026-03-02 10:00")
    assert house.row(PLAN)["status"] == "history"
    run(house, days("2026-03-02", "2026-05-31"))
    assert house.notices(PLAN) == []


def test_what_runs_late_already_goes_on_if_its_date_moves_within_the_past(house: House) -> None:
    run(house, days("2026-03-06", "2026-03-27"))
    house.edit(found(WORKFLOW.replace("on: 2026-03-20", "on: 2026-03-19")), "2026-03-27 10:00")
    assert house.row(PLAN)["status"] == "open"
    planned = len(house.notices(PLAN))
    run(house, days("2026-03-28", "2026-05-31"))
    assert [n.rung for n in house.notices(PLAN)[planned:]] == ["after-10wd"]


def test_an_added_duty_of_the_past_is_history(house: House) -> None:
    text = WORKFLOW.replace("- id: plan\n", "- id: plan-two\n").replace(
        "on: 2026-03-20", "on: 2026-02-02"
    )
    proposal = house.edit(found(text), "2026-03-02 10:00")
    added = moves(proposal, "add")["pair-2025/plan-two/da.xiao/once"]
    assert (added.cause, added.mails) == ("新增事项", ())
    assert house.row(added.key)["status"] == "history"
    assert moves(proposal, "remove")[PLAN].cause == "删去事项"


def test_an_added_duty_says_what_would_go_at_once(house: House) -> None:
    text = WORKFLOW.replace("- id: plan\n", "- id: plan-two\n")
    proposal = house.proposal(found(text), "2026-03-19 20:00")
    assert moves(proposal, "add")["pair-2025/plan-two/da.xiao/once"].mails == ("before-2wd",)


def test_removed_is_cancelled_for_calendars_and_gone_after_thirty_days(house: House) -> None:
    from scheduler.extending import extend

    house.tick("2026-03-06 09:00")
    sequence = int(str(house.row(PLAN)["sequence"]))
    house.edit(found(without("plan")), "2026-03-06 09:10")
    row = house.row(PLAN)
    assert (row["status"], row["cancelled_on"]) == ("cancelled", date(2026, 3, 6))
    assert (row["sequence"], row["next_notice_at"]) == (sequence + 1, None)
    assert {n.reason for n in house.notices(PLAN)} == {"事项已取消"}
    for day, there in (("2026-04-05", True), ("2026-04-06", False)):
        with store.writing(house.engine) as session:
            extend(session, at(f"{day} 01:00"), house.world)
            assert bool(queries.statuses(session, [PLAN])) is there


def test_what_was_cancelled_comes_back(house: House) -> None:
    house.edit(found(without("plan")), "2026-02-02 10:00")
    proposal = house.edit(found(), "2026-02-03 10:00")
    assert moves(proposal)[PLAN].action == "add"
    row = house.row(PLAN)
    assert (row["status"], row["cancelled_on"], row["sequence"]) == ("open", None, 2)
    assert row["next_notice_at"] == at("2026-03-06 09:00")


def test_what_has_a_fact_is_kept(house: House) -> None:
    say(house, "2026-03-02 10:00", "completed")
    gone = house.edit(found(without("plan")), "2026-03-03 10:00")
    assert moves(gone)[PLAN].action == "keep"
    assert house.row(PLAN)["status"] == "completed"
    moved = house.edit(found(LATER), "2026-03-04 10:00")
    assert moves(moved)[PLAN].action == "keep"
    assert house.row(PLAN)["due"] == date(2026, 3, 20)


DONE, BACK = {"kind": "completed"}, {"kind": "returned", "reason": "缺章"}
TO_KNOW = {"kind": "acknowledged", "until": date(2026, 3, 13)}
TO_EXTEND = {"kind": "extended", "until": date(2026, 4, 24), "basis": "某卫函〔2026〕9号"}


@pytest.mark.parametrize(
    ("said", "status", "later"),
    [
        ([TO_KNOW], "acknowledged", "history"),
        ([TO_EXTEND], "open", "open"),
        ([DONE, BACK], "returned", "returned"),
        ([DONE, BACK, TO_KNOW], "acknowledged", "returned"),
        ([DONE, {"kind": "corrected", "reason": "登错了"}], "open", "history"),
    ],
)
def test_what_is_removed_and_not_done_is_cancelled_whatever_was_said(
    house: House, said: list[dict[str, Any]], status: str, later: str
) -> None:
    for one in said:
        say(house, "2026-03-02 10:00", **one)
    assert house.row(PLAN)["status"] == status
    gone = house.edit(found(without("plan")), "2026-03-03 10:00")
    assert moves(gone)[PLAN].action == "remove"
    assert not house.proposal(found(without("plan")), "2026-03-03 11:00").any
    for day in days("2026-03-03", "2026-05-29")[::4]:
        house.tick(f"{day} 09:00")
        with store.writing(house.engine) as session:
            extend(session, at(f"{day} 10:00"), house.world)
    row = house.row(PLAN)  # still there: somebody said something of it
    assert (row["status"], row["next_notice_at"]) == ("cancelled", None)
    assert house.notices(PLAN) == []
    with store.reading(house.engine) as session:
        facts = session.execute(queries.FACTS.select().where(queries.FACTS.c.key == PLAN)).all()
    assert len(facts) == len(said)
    back = house.edit(found(), "2026-06-01 10:00")
    assert moves(back)[PLAN].action == "add"
    assert house.row(PLAN)["status"] == later  # and what was said counts again


@pytest.mark.parametrize("undone", ["returned", "corrected"])
def test_what_was_kept_because_it_was_done_goes_when_it_is_undone(
    house: House, undone: str
) -> None:
    say(house, "2026-03-02 10:00", "completed")
    still = say(house, "2026-03-02 11:00", undone, reason="缺章")
    assert still == {"returned": "returned", "corrected": "open"}[undone]
    say(house, "2026-03-02 12:00", "completed")
    house.edit(found(without("plan")), "2026-03-03 10:00")
    assert house.row(PLAN)["status"] == "completed"
    assert say(house, "2026-03-04 10:00", undone, reason="缺章") == "cancelled"
    for day in days("2026-03-05", "2026-04-30"):
        house.tick(f"{day} 09:00")
    assert house.notices(PLAN) == []


def test_keeping_alone_is_no_change(house: House) -> None:
    say(house, "2026-03-02 10:00", "completed")
    house.edit(found(LATER), "2026-03-04 10:00")
    again = house.proposal(found(LATER), "2026-03-05 10:00")
    assert [m.action for m in again.changes.moves] == ["keep"]
    assert not again.any


def test_what_is_only_known_still_follows_its_date(house: House) -> None:
    say(house, "2026-03-02 10:00", "acknowledged", until=date(2026, 3, 13))
    house.edit(found(LATER), "2026-03-04 10:00")
    row = house.row(PLAN)
    assert (row["due"], row["status"]) == (date(2026, 4, 15), "acknowledged")
    assert row["next_notice_at"] == at("2026-03-16 09:00")


CAUSES = [
    (WORKFLOW.replace("title: 报送工作方案", "title: 报送方案"), TABLES, PLAN, "条款或措辞改动"),
    (
        WORKFLOW.replace("issued: 2025-01-10", "issued: 2025-01-10\nladder: [{before: 3wd}]"),
        TABLES,
        PLAN,
        "提醒阶梯改动",
    ),
    (
        WORKFLOW.replace("    assisting: [recipient]\n", ""),
        TABLES,
        PLAN,
        "名册或角色改动",
    ),
    (
        WORKFLOW,
        TABLES | {"pairings.csv": PAIRINGS + "da.xiao2,da,xiao2,附件第2行,,,,,\n"},
        "pair-2025/plan/da.xiao2/once",
        "名册新增对象",
    ),
    (WORKFLOW.replace("'06-20'", "'06-25'"), TABLES, JUNE, "期限改动"),
    (WORKFLOW.replace("id: jun,", "id: june,"), TABLES, JUNE, "不再有这一期"),
]


@pytest.mark.parametrize(("text", "tables", "key", "cause"), CAUSES)
def test_causes(house: House, text: str, tables: dict[str, str], key: str, cause: str) -> None:
    assert moves(house.proposal(found(text, tables), "2026-02-02 10:00"))[key].cause == cause


def test_a_changed_ladder_moves_the_next_reminder_but_no_calendar(house: House) -> None:
    text = WORKFLOW.replace("issued: 2025-01-10", "issued: 2025-01-10\nladder: [{before: 3wd}]")
    house.edit(found(text), "2026-02-02 10:00")
    row = house.row(PLAN)
    assert row["next_notice_at"] == at("2026-03-17 09:00")
    assert row["sequence"] == 0


def test_a_comment_changes_the_version_alone(house: House) -> None:
    proposal = house.edit(found(WORKFLOW + "# 注\n"), "2026-02-02 10:00")
    assert (proposal.any, proposal.changes.any, proposal.edited) == (True, False, ("pair-2025",))
    with store.reading(house.engine) as session:
        version = queries.versions(session)["pair-2025"]
    assert version.workflow.endswith("# 注\n")
    assert version.adopted_on == date(2026, 1, 9)


def test_a_withdrawn_document_takes_all_with_it_and_may_come_back(house: House) -> None:
    proposal = house.edit(candidates({}), "2026-03-10 10:00")
    assert proposal.withdrawn == ("pair-2025",)
    assert {m.cause for m in proposal.changes.moves} == {"撤下文件"}
    assert not house.world.documents
    house.edit(found(), "2026-03-23 10:00")
    assert house.row(PLAN)["status"] == "history"  # due while it did not hold here


def test_a_plan_is_stale_once_something_was_recorded_or_applied(house: House) -> None:
    first = house.proposal(found(LATER), "2026-03-02 10:00")
    same = house.proposal(found(LATER), "2026-03-02 11:00")
    assert (first.state, first.fingerprint) == (same.state, same.fingerprint)
    say(house, "2026-03-02 12:00", "acknowledged", JUNE, until=date(2026, 3, 3))
    assert house.proposal(found(LATER), "2026-03-02 13:00").state != first.state


def test_a_plan_made_before_a_mail_went_out_would_do_something_else(house: House) -> None:
    first = house.proposal(found(LATER), "2026-03-05 10:00")
    house.tick("2026-03-06 09:00")
    house.send()
    assert house.proposal(found(LATER), "2026-03-06 10:00").fingerprint != first.fingerprint


def test_the_log_names_what_moved(house: House) -> None:
    house.edit(found(LATER), "2026-02-02 10:00")
    with store.reading(house.engine) as session:
        rows = session.execute(
            queries.AUDIT.select().where(queries.AUDIT.c.action == "change")
        ).all()
    assert [(r.who, r.about, r.detail) for r in rows] == [
        ("测试", PLAN, "期限改动；2026-03-20 → 2026-04-15")
    ]


def test_all_or_nothing(house: House) -> None:
    from scheduler.applying import carry_out
    from scheduler.proposing import propose

    def crash() -> None:
        with store.writing(house.engine) as session:
            proposal = propose(session, found(LATER), at("2026-02-02 10:00"), BASE)
            carry_out(session, proposal, at("2026-02-02 10:00"), "测试")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crash()
    assert house.row(PLAN)["due"] == date(2026, 3, 20)
    assert house.proposal(found(LATER), "2026-02-02 10:00").any
