"""Whom a reminder on request reaches: those who owe now, and nobody about what is far off."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from scheduler import store
from scheduler.refusals import Refused
from scheduler.reminding import Outlook, foresee, pressing, remind
from tests.scheduler.house import BASE, JUNE, PLAN, House, at, found

NOVEMBER = "pair-2025/progress/shi/2026-nov"


def house(folder: Path, **base: object) -> House:
    made = House(folder, "2026-01-09 10:00", replace(BASE, **base))  # type: ignore[arg-type]
    made.edit(found(), "2026-01-09 11:00")
    return made


def ask(of: House, when: str, period: str = "2026", everything: bool = False) -> Outlook:
    with store.writing(of.engine) as session:
        return remind(session, "pair-2025", period, at(when), of.world, "测试", everything)


def keys(some: tuple[object, ...]) -> set[str]:
    return {cell.key for one in some for cell in one.cells}  # type: ignore[attr-defined]


def test_only_what_is_overdue_or_due_soon_is_asked_for(tmp_path: Path) -> None:
    town = house(tmp_path)
    done = ask(town, "2026-06-15 10:00")  # the plan was due in March, the table is in five days
    assert keys(done.told) == {PLAN, JUNE}
    assert keys(done.later) == {NOVEMBER}
    assert [cell.due for cell in done.put_off] == [date(2026, 11, 10)]
    assert {n.rung for n in town.notices(JUNE) if n.planned_at == at("2026-06-15 10:00")} == {
        "remind"
    }
    assert all(n.rung != "remind" for n in town.notices(NOVEMBER))


def test_seven_working_days_are_soon_and_eight_are_not(tmp_path: Path) -> None:
    town = house(tmp_path)
    days = {}
    for day in ("2026-10-29", "2026-10-30", "2026-11-10", "2026-11-11"):
        with store.reading(town.engine) as session:
            seen = foresee(session, "pair-2025", "2026-nov", at(f"{day} 10:00"), town.world)
        days[day] = bool(seen.told)
    assert days == {
        "2026-10-29": False, "2026-10-30": True, "2026-11-10": True, "2026-11-11": True,
    }  # fmt: skip


def test_what_was_returned_is_asked_for_and_an_extension_counts(tmp_path: Path) -> None:
    town = house(tmp_path)
    with store.reading(town.engine) as session:
        seen = foresee(session, "pair-2025", "2026", at("2026-06-15 10:00"), town.world)
    cell = next(c for one in seen.told for c in one.cells if c.key == JUNE)
    day, workdays = date(2026, 6, 15), BASE.workdays
    assert pressing(cell, day, workdays)
    assert not pressing(replace(cell, extended_to=date(2026, 9, 1)), day, workdays)
    assert pressing(replace(cell, due=date(2027, 3, 1), state="returned"), day, workdays)
    for state in ("completed", "submitted", "waived", "acknowledged", "history"):
        assert not pressing(replace(cell, state=state, expected=state != "waived"), day, workdays)


def test_far_off_it_is_refused_and_done_where_everything_is_asked_for(tmp_path: Path) -> None:
    town = house(tmp_path)
    with pytest.raises(Refused, match="还没有到该催的时候，最早的 11月10日到期"):
        ask(town, "2026-02-02 10:00", "2026-nov")
    assert town.notices(NOVEMBER) == []
    assert keys(ask(town, "2026-02-02 10:01", "2026-nov", everything=True).told) == {NOVEMBER}


def test_a_second_time_on_a_day_nothing_is_sent(tmp_path: Path) -> None:
    town = house(tmp_path)
    ask(town, "2026-06-15 10:00", "2026-jun")
    before = len(town.notices(JUNE))
    with pytest.raises(Refused, match="今天已经催过这一期"):
        ask(town, "2026-06-15 16:00", "2026-jun")
    with store.reading(town.engine) as session:
        seen = foresee(session, "pair-2025", "2026-jun", at("2026-06-15 16:00"), town.world)
    assert (keys(seen.before), seen.told, seen.later) == ({JUNE}, (), ())
    whole = ask(town, "2026-06-15 16:00")  # of the year, what was not asked for yet
    assert (keys(whole.told), keys(whole.before)) == ({PLAN}, {JUNE})
    assert len(town.notices(JUNE)) == before
    assert keys(ask(town, "2026-06-16 10:00", "2026-jun").told) == {JUNE}


def test_whom_nobody_can_reach_is_told_apart_every_time(tmp_path: Path) -> None:
    town = house(tmp_path, placeholders=False)
    for when in ("2026-06-15 10:00", "2026-06-15 16:00"):
        done = ask(town, when, "2026-jun")
        assert (done.told, done.before) == ((), ())
        assert [one.institution for one in done.unreachable] == ["甲市卫健委"]
    asked_for = [n for n in town.notices(JUNE) if n.rung == "remind"]
    assert [(n.recipient, bool(n.reason)) for n in asked_for] == [("", True)]
