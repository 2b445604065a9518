from __future__ import annotations

from dataclasses import replace
from datetime import date

from scheduler import queries, store
from scheduler.extending import extend
from scheduler.plan import Changes, horizon
from scheduler.world import World
from tests.scheduler.house import PLAN, House, at
from workflows.workdays import Holiday, Notice, Workdays


def grow(house: House, when: str, world: World | None = None) -> Changes | None:
    with store.writing(house.engine) as session:
        return extend(session, at(when), world or house.world)


def test_the_horizon_is_the_end_of_the_year_after_next() -> None:
    assert horizon(date(2026, 1, 1)) == horizon(date(2026, 12, 31)) == date(2028, 12, 31)


def test_a_new_year_adds_a_year_through_the_same_plan(house: House) -> None:
    key = "pair-2025/progress/shi/2028-nov"
    assert house.row(key)["due"] == date(2028, 11, 10)
    assert grow(house, "2026-12-31 23:59") is None
    # The document ends in 2028: there is nothing to add, and the horizon moves all the same.
    changes = grow(house, "2027-01-01 00:00")
    assert changes is not None
    assert changes.moves == ()
    with store.reading(house.engine) as session:
        assert queries.mark(session, "horizon") == "2029-12-31"


def test_a_new_year_of_an_open_series(house: House) -> None:
    from tests.scheduler.house import WORKFLOW, found

    text = WORKFLOW.replace("  clause: 二\n", "  open_ended: true\n  clause: 二\n")
    house.edit(found(text), "2026-02-02 10:00")
    changes = grow(house, "2027-01-01 00:00")
    assert changes is not None
    assert {m.cause for m in changes.moves} == {"日历按年向后延伸"}
    assert {m.new.year for m in changes.moves if m.new} == {2029}
    row = house.row("pair-2025/progress/shi/2029-jun")
    assert (row["status"], row["next_notice_at"]) == ("open", at("2029-06-06 09:00"))
    assert not house.proposal(found(text), "2027-01-02 10:00").any


def test_once_a_local_day(house: House) -> None:
    grow(house, "2026-03-02 08:00")
    with store.reading(house.engine) as session:
        assert queries.mark(session, "extended") == "2026-03-02"


def test_a_notice_of_holidays_moves_what_is_scheduled(house: House) -> None:
    key = "pair-2025/progress/shi/2027-jun"  # due on Sunday 2027-06-20
    assert house.row(key)["next_notice_at"] == at("2027-06-04 09:00")
    known = house.world.workdays
    off = Holiday("端午节", date(2027, 6, 3), date(2027, 6, 9))
    notices = (*known.notices, Notice(2027, "假设的通知", None, (off,), ()))
    world = replace(house.world, workdays=Workdays.of(notices, known.statutory))
    grow(house, "2026-11-30 09:00", world)
    assert house.row(key)["next_notice_at"] == at("2027-06-02 09:00")
    assert house.row(PLAN)["due"] == date(2026, 3, 20)
