"""Who has reported: against a ledger made by hand."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from openpyxl import load_workbook

from scheduler import store
from scheduler.ledger import HEAD, lines, workbook
from scheduler.matrix import Counts, Matrix, matrix
from scheduler.recording import Statement, record
from scheduler.refusals import Refused
from scheduler.reminding import foresee
from tests.scheduler.house import JUNE, PLAN, WORKFLOW, House, at, found

NOVEMBER = JUNE.replace("jun", "nov")


def say(house: House, when: str, kind: str, key: str = PLAN, **more: Any) -> None:
    with store.writing(house.engine) as session:
        record(session, Statement(key, kind, **more), at(when), "测试", house.world)


def seen(house: House, when: str, period: str | None = None) -> Matrix:
    with store.reading(house.engine) as session:
        return matrix(session, house.world, "pair-2025", at(when), period)


def words(found: Matrix) -> dict[str, list[tuple[str, str]]]:
    return {row.institution: [(c.period, c.status) for c in row.cells] for row in found.rows}


def test_against_a_ledger_made_by_hand(house: House) -> None:
    say(house, "2026-03-02 10:00", "completed", on=date(2026, 3, 2))
    say(house, "2026-06-26 10:00", "extended", JUNE, until=date(2026, 7, 10), basis="某函1号")
    say(house, "2026-07-06 10:00", "completed", JUNE)
    of = seen(house, "2026-11-03 10:00")
    assert of.periods == ("2025-jun", "2025-nov", "once", "2026-jun", "2026-nov")
    assert words(of) == {
        "甲市卫健委": [
            ("2025-jun", "采用前"), ("2025-nov", "采用前"), ("2026-jun", "已报"), ("2026-nov", "临期"),
        ],
        "甲市人民医院": [("once", "已报")],
        "有关单位": [("once", "逾期未报")],
    }  # fmt: skip
    # Expected: plan, June, November; nobody knows who 有关单位 are, and history is not expected.
    assert of.counts == Counts(3, 2, 2)
    june = next(cell for cell in of.cells if cell.key == JUNE)
    assert (june.on_time, june.on_time_original) == (True, False)
    assert lines(of)[2] == (
        "3", "甲市卫健委", "报送进展表", "某卫发〔2025〕1号 四", "2026-06-20", "2026-07-10",
        "已报", "2026-07-06", "2026-07-10", "原定6月20日，延期后按期",
    )  # fmt: skip


def test_waived_is_not_expected_and_history_that_was_done_is(house: House) -> None:
    say(house, "2026-03-02 10:00", "waived", reason="关系未建")
    say(house, "2026-03-02 10:00", "completed", "pair-2025/progress/shi/2025-nov",
        on=date(2025, 11, 10))  # fmt: skip
    assert seen(house, "2026-03-03 10:00").counts == Counts(3, 1, 1)


def test_periods_are_labels_or_years(house: House) -> None:
    assert seen(house, "2026-03-03 10:00", "2026-JUN").periods == ("2026-jun",)
    assert seen(house, "2026-03-03 10:00", "2027").periods == ("2027-jun", "2027-nov")
    with pytest.raises(Refused, match="2026-jul") as refused:
        seen(house, "2026-03-03 10:00", "2026-jul")
    assert "2026-jun" in refused.value.hint
    with pytest.raises(Refused, match="没有应用过"), store.reading(house.engine) as session:
        matrix(session, house.world, "other", at("2026-03-03 10:00"))


YEARLY = """\
  - id: summary
    title: 年度总结
    kind: fuzzy
    clauses: [四]
    phrase: 每年年底前
    per: institution
    responsible: city
    recipients: [bureau]
    rule: {every_year: true, month: 12, part: late}
"""


def test_a_year_has_all_that_is_due_in_it_whatever_its_label(house: House) -> None:
    house.edit(found(WORKFLOW + YEARLY), "2026-02-02 10:00")
    asked = seen(house, "2026-03-03 10:00", "2026")
    summary = "pair-2025/progress/shi/2026-jun", "pair-2025/summary/shi/2026"
    assert {cell.key for cell in asked.cells} == {
        PLAN, *summary, NOVEMBER, "pair-2025/unknown/all/once",
    }  # fmt: skip
    assert all(cell.due.year == 2026 for cell in asked.cells)
    with store.writing(house.engine) as session:
        found_all = foresee(session, "pair-2025", "2026", at("2026-03-03 10:00"), house.world, True)
    # Placeholders stand in for contacts here, so everybody can be reached.
    assert {cell.key for one in found_all.told for cell in one.cells} == {PLAN, *summary, NOVEMBER}


def test_the_workbook_holds_texts_and_no_formulas(house: House) -> None:
    titles = WORKFLOW.replace("title: 报送进展表", "title: '@SUM(A1)'")
    house.edit(found(titles.replace("title: 报送工作方案", "title: '=1+1'")), "2026-03-02 10:00")
    of = seen(house, "2026-03-03 10:00")
    sheet = load_workbook(io.BytesIO(workbook(of))).active
    assert sheet is not None
    assert sheet.freeze_panes == "A2"
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert tuple(rows[0]) == HEAD
    assert len(rows) == len(of.cells) + 1
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value} == {"s"}
    assert {row[2] for row in rows[1:]} >= {"'@SUM(A1)", "'=1+1（乙县人民医院）"}
    assert not any(str(value).startswith(("=", "@", "+", "-")) for row in rows for value in row)
