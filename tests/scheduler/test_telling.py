"""What an edit says to people: a date that moves to and fro, a duty that passes to somebody else."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scheduler import store
from scheduler.recording import Statement, record
from tests.scheduler.house import (
    INSTITUTIONS,
    PAIRINGS,
    PLAN,
    TABLES,
    WORKFLOW,
    House,
    at,
    days,
    found,
    run,
)

LATER = WORKFLOW.replace("on: 2026-03-20", "on: 2026-03-27")
# The assisting hospital owes it now, and nobody assists.
PASSED_ON = WORKFLOW.replace(
    "    responsible: supporter\n    assisting: [recipient]", "    responsible: recipient"
)
ALONE = WORKFLOW.replace("    assisting: [recipient]\n", "")
XIN = "xin,新院,hospital,,甲市,,shi,,,,,,,\n"
# The same pairing has another supporter.
RENAMED = TABLES | {
    "institutions.csv": INSTITUTIONS + XIN,
    "pairings.csv": PAIRINGS.replace("da.xiao,da,xiao", "da.xiao,xin,xiao"),
}


def planned(house: House, rung: str) -> list[tuple[str, date, str | None]]:
    return [(n.recipient, n.due, n.reason) for n in house.notices(PLAN) if n.rung == rung]


def test_a_date_that_moves_to_and_fro_is_told_each_time(house: House) -> None:
    run(house, days("2026-03-06", "2026-03-06"))
    house.send()
    for day, text in (("09", LATER), ("10", WORKFLOW), ("11", LATER), ("12", WORKFLOW)):
        house.edit(found(text), f"2026-03-{day} 10:00")
        house.send()
    told = [n for n in house.notices(PLAN) if n.rung == "changed"]
    mine = [(n.due.day, n.move) for n in told if n.recipient == "liaison@da.example"]
    assert mine == [(27, 1), (20, 2), (27, 3), (20, 4)]
    assert len(told) == 8
    assert all(n.message_id for n in told)


def test_a_date_that_is_back_before_anybody_heard_of_it_is_not_told(house: House) -> None:
    run(house, days("2026-03-06", "2026-03-06"))
    house.send()
    house.edit(found(LATER), "2026-03-09 10:00")
    house.edit(found(WORKFLOW), "2026-03-09 10:05")
    house.edit(found(LATER), "2026-03-09 10:10")
    house.send()
    assert sorted({n.reason for n in house.notices(PLAN)}, key=str) == [None, "期限已改"]
    left = [n for n in house.notices(PLAN) if n.rung == "changed" and n.reason is None]
    assert [(n.recipient, n.due.day) for n in left] == [
        ("liaison@da.example", 27), ("liaison@xiao.example", 27),
    ]  # fmt: skip


def test_whoever_gets_a_duty_late_is_told_what_the_one_before_knew(house: House) -> None:
    run(house, days("2026-03-06", "2026-03-06"))
    house.send()
    proposal = house.proposal(found(WORKFLOW, RENAMED), "2026-03-10 10:00")
    (move,) = [m for m in proposal.changes.moves if m.key == PLAN]
    assert move.mails == ("before-14d",)
    house.edit(found(WORKFLOW, RENAMED), "2026-03-10 19:00")
    (new,) = [n for n in house.notices(PLAN) if n.recipient == "liaison@xin.example"]
    assert (new.rung, new.due, new.release_at) == (
        "before-14d", date(2026, 3, 20), at("2026-03-11 09:00"),
    )  # fmt: skip
    assert new.note == "责任单位由甲市人民医院改为新院"
    run(house, days("2026-03-11", "2026-03-23"))
    to = {n.recipient for n in house.notices(PLAN) if n.rung in ("before-2wd", "after-1wd")}
    assert to == {"liaison@xin.example", "liaison@xiao.example"}


def test_whoever_gets_a_late_duty_hears_of_it_as_the_one_before_did(house: House) -> None:
    run(house, days("2026-03-06", "2026-03-27"))
    house.send()
    house.edit(found(WORKFLOW, RENAMED), "2026-03-30 10:00")
    new = [n for n in house.notices(PLAN) if n.recipient == "liaison@xin.example"]
    # The highest rung for those who owe; the coordinator has its own and is the same one.
    assert [(n.rung, n.statutory) for n in new] == [("after-1wd", True)]


def test_who_is_relieved_hears_no_more(house: House) -> None:
    house.tick("2026-03-06 09:00")
    house.edit(found(WORKFLOW, RENAMED), "2026-03-06 09:05")
    reasons = {n.recipient: n.reason for n in house.notices(PLAN)}
    assert reasons == {
        "liaison@da.example": "责任单位已改",
        "liaison@xiao.example": None,
        "liaison@xin.example": None,
    }


def test_who_is_relieved_is_not_told_of_a_new_date(house: House) -> None:
    house.tick("2026-03-06 09:00")
    house.send()
    house.edit(found(LATER.replace("    assisting: [recipient]\n", "")), "2026-03-09 10:00")
    assert [to for to, _, _ in planned(house, "changed")] == ["liaison@da.example"]


def test_who_assisted_and_owes_it_now_is_not_told_twice(house: House) -> None:
    house.tick("2026-03-06 09:00")
    house.send()
    before = len(house.notices(PLAN))
    house.edit(found(PASSED_ON), "2026-03-09 10:00")
    assert len(house.notices(PLAN)) == before


def test_nobody_is_told_before_the_first_rung(house: House) -> None:
    house.edit(found(WORKFLOW, RENAMED), "2026-03-02 10:00")
    assert house.notices(PLAN) == []
    house.tick("2026-03-06 09:00")
    assert planned(house, "before-14d")[0][0] == "liaison@xin.example"


@pytest.mark.parametrize("kind", ["completed", "waived"])
def test_what_is_done_is_told_to_nobody(house: House, kind: str) -> None:
    house.tick("2026-03-06 09:00")
    house.send()
    more: dict[str, Any] = {"reason": "已并入"} if kind == "waived" else {}
    with store.writing(house.engine) as session:
        record(session, Statement(PLAN, kind, **more), at("2026-03-09 09:00"), "测试", house.world)
    before = len(house.notices(PLAN))
    house.edit(found(WORKFLOW, RENAMED), "2026-03-10 10:00")
    assert len(house.notices(PLAN)) == before
