"""A document, or one obligation, may have a ladder of its own."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.scheduler.house import BASE, JUNE, PLAN, WORKFLOW, House, days, found, run

DOCUMENT = WORKFLOW.replace(
    "issued: 2025-01-10",
    "issued: 2025-01-10\nladder: [{before: 7d}, {after: 2wd, to: coordinator}]",
)
BOTH = DOCUMENT.replace(
    "    rule: {on: 2026-03-20}",
    "    ladder: [{before: 3wd}, {before: 1wd}, {after: 1wd}]\n    rule: {on: 2026-03-20}",
)


def test_an_obligations_ladder_stands_before_its_documents(tmp_path: Path) -> None:
    house = House(tmp_path, "2026-01-09 10:00", BASE)
    house.edit(found(BOTH), "2026-01-12 10:00")
    run(house, days("2026-03-01", "2026-07-31"))
    assert house.rungs(PLAN) == [
        ("before-3wd", date(2026, 3, 17)),
        ("before-1wd", date(2026, 3, 19)),
        ("after-1wd", date(2026, 3, 23)),
    ]
    statutory = {n.rung: n.statutory for n in house.notices(PLAN)}
    assert statutory == {"before-3wd": False, "before-1wd": True, "after-1wd": True}
    # 06-20 is a day off; what binds is the working day before.
    assert [rung for rung, _ in house.rungs(JUNE)] == ["before-7d", "after-2wd"]
    assert {n.recipient for n in house.notices(JUNE) if n.rung == "after-2wd"} == {
        "coordinator@shi.example"
    }


def test_without_one_of_its_own_an_obligation_has_its_documents(tmp_path: Path) -> None:
    house = House(tmp_path, "2026-01-09 10:00", BASE)
    house.edit(found(DOCUMENT), "2026-01-12 10:00")
    run(house, days("2026-03-01", "2026-04-30"))
    assert house.rungs(PLAN) == [
        ("before-7d", date(2026, 3, 13)),
        ("after-2wd", date(2026, 3, 24)),
    ]
    assert {n.statutory for n in house.notices(PLAN)} == {True}
