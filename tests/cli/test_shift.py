"""duban shift: what it takes, what it refuses, and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from tests.cli.desk import Desk, Said
from tests.scheduler.test_rotating import ROTATING

DOCUMENT = ("--document", "pair-2025")
PAIR = (*DOCUMENT, "--supporter", "甲市人民医院", "--recipient", "xiao")
HEAD = "document,supporter,recipient,from,until,people,staff,persons\n"


@pytest.fixture
def ready(desk: Desk) -> Desk:
    desk.write(ROTATING)
    desk.adopt()
    return desk


def add(desk: Desk, from_: str, until: str, people: int = 5, *more: object) -> Said:
    return desk("shift", "add", *PAIR, "--from", from_, "--until", until, "--people", people, *more)


def report(desk: Desk, first: str = "2026-01-01", last: str = "2026-12-31") -> Any:
    said = desk("shift", "report", *DOCUMENT, "--from", first, "--to", last, "--format", "json")
    assert said.code == 0, said.err
    return said.json


def listed(desk: Desk) -> Any:
    return desk("shift", "list", "--format", "json").json


def write(desk: Desk, text: str, encoding: str = "utf-8-sig") -> Path:
    file = desk.folder / "terms.csv"
    file.write_bytes(text.encode(encoding))
    return file


def test_nothing_recorded_is_one_gap(ready: Desk) -> None:
    assert report(ready) == [
        {
            "supporter": "甲市人民医院", "recipient": "乙县人民医院", "pairing": "da.xiao",
            "finding": "gap", "from": "2026-01-01", "until": "2027-01-01", "enforced": True,
            "detail": "没有登记派驻人员",
        },
        {
            "supporter": "甲市人民医院", "recipient": "乙县人民医院", "pairing": "da.xiao",
            "coverage_percent": 0.0, "from": "2026-01-01", "until": "2027-01-01",
            "years": [{"year": 2026, "coverage_percent": 0.0}],
        },
    ]  # fmt: skip


def test_a_term_on_no_day_of_the_document_is_recorded_and_said_to_be_outside(ready: Desk) -> None:
    said = add(ready, "2035-01-01", "2035-07-01")
    assert (said.code, "2035-01-01 至 2035-07-01（不含）在文件的有效期以外" in said.err) == (0, True)
    table = write(ready, HEAD + "pair-2025,da,xiao,2010-01-01,2010-07-01,5,,\n")
    said = ready("shift", "import", table)
    assert (said.code, "在文件的有效期以外" in said.err) == (0, True)
    assert len(listed(ready)) == 2
    assert [row["finding"] for row in report(ready)[:-1]] == ["gap"]


def test_a_term_is_added_listed_reported_and_withdrawn(ready: Desk) -> None:
    said = add(ready, "2026-02-01", "2026-07-01", 4, "--staff", "内科", "--person", "A1", "--person", "A2")
    assert (said.code, said.err) == (0, "")
    assert said.out == "已登记，编号 1：2026-02-01 至 2026-07-01（不含），4人\n"
    assert listed(ready) == [
        {
            "id": 1, "document": "pair-2025", "supporter": "甲市人民医院",
            "recipient": "乙县人民医院", "from": "2026-02-01", "until": "2026-07-01", "people": 4,
            "staff": "内科", "persons": ["A1", "A2"],
        }
    ]  # fmt: skip
    assert [(row.get("finding"), row["from"], row["until"]) for row in report(ready)] == [
        ("gap", "2026-01-01", "2026-02-01"),
        ("short-term", "2026-02-01", "2026-07-01"),
        ("small-team", "2026-02-01", "2026-07-01"),
        ("handover", "2026-06-30", "2026-07-01"),
        ("gap", "2026-07-01", "2027-01-01"),
        (None, "2026-01-01", "2027-01-01"),
    ]
    assert report(ready)[-1]["coverage_percent"] == 41.1
    stored = ready("deadlines", "--store", "--kind", "rotation", "--to", "2026-12-31", "--format", "json")
    assert [row["period"] for row in stored.json] == [
        "handover-2026-06-30", "term-2026-02-01", "gap-2026-07-01",
    ]  # fmt: skip
    said = ready("shift", "withdraw", 1, "--reason", "登记有误")
    assert said.out == "已撤回 1：2026-02-01 至 2026-07-01（不含），4人\n"
    assert listed(ready) == []


def test_a_term_is_replaced(ready: Desk) -> None:
    add(ready, "2026-02-01", "2026-07-01", 4)
    assert add(ready, "2026-02-01", "2026-08-01", 5, "--replaces", 1).code == 0
    assert [(row["id"], row["until"]) for row in listed(ready)] == [(2, "2026-08-01")]


def test_tables_are_for_people(ready: Desk) -> None:
    assert "还没有登记" in ready("shift", "list").out
    add(ready, "2026-02-01", "2026-07-01", 4)
    assert "甲市人民医院" in ready("shift", "list", *DOCUMENT).out
    said = ready("shift", "report", *DOCUMENT, "--from", "2026-01-01", "--to", "2026-12-31").out
    for word in ("期短", "人少", "换班", "空档", "41.1%", "1 对帮扶关系，5 处"):
        assert word in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2026-07-01", "--until", "2026-02-01"), "早于起日"),
        (("--from", "2026-07-01", "--until", "2026-07-01"), "同一天"),
        (("--from", "2026-02-30", "--until", "2026-07-01"), "日期写作"),
        (("--from", "2026-02-01", "--until", "2026-07-01", "--people", "0"), "人数"),
        (("--from", "2026-02-01", "--until", "2026-07-01", "--people", "三"), "整数"),
        (("--from", "2026-02-01", "--until", "2026-07-01", "--recipient", "丙县人民医院"), "没有帮扶关系"),
        (("--from", "2026-02-01", "--until", "2026-07-01", "--document", "no"), "没有应用"),
        (("--from", "2026-02-01", "--until", "2026-07-01", "--replaces", "7"), "没有编号为 7"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_recorded(
    ready: Desk, words: tuple[str, ...], said: str
) -> None:
    found = ready("shift", "add", *PAIR, "--people", "5", *words)
    assert (found.code, found.out) == (1, "")
    assert said in found.err
    assert listed(ready) == []


def test_other_faults_of_the_user(ready: Desk, desk: Desk) -> None:
    assert ready("shift", "withdraw", 9, "--reason", "误").code == 1
    assert ready("shift", "report", *DOCUMENT, "--from", "2026-02-01", "--to", "2026-01-01").code == 1
    assert ready("shift", "report", "--document", "no", "--from", "2026-01-01", "--to", "2026-02-01").code == 1


def test_terms_can_be_recorded_before_anything_is_applied(desk: Desk) -> None:
    assert add(desk, "2026-02-01", "2026-07-01").code == 0
    assert len(listed(desk)) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_a_table_in_chinese_is_imported(ready: Desk, encoding: str) -> None:
    file = write(
        ready,
        "支援医院,受援医院,起日,止日,人数,人员类别,代号\n"
        "甲市人民医院,乙县人民医院,2026/2/1,2026/8/1,5,内科,A1、A2\n"
        "甲市人民医院,xiao,2026-08-01,2027-02-01,6,,\n",
        encoding,
    )
    said = ready("shift", "import", file)
    assert said.out == "已登记 2 个驻点期，编号 1 至 2\n", said.err
    assert [(r["document"], r["from"], r["people"], r["persons"]) for r in listed(ready)] == [
        ("pair-2025", "2026-02-01", 5, ["A1", "A2"]),
        ("pair-2025", "2026-08-01", 6, []),
    ]


def test_a_workbook_is_imported(ready: Desk) -> None:
    book = Workbook()
    assert book.active is not None
    book.active.append(["文件", "支援", "受援", "起", "止（不含）", "人数"])
    from datetime import date

    book.active.append(["pair-2025", "da", "xiao", date(2026, 2, 1), date(2026, 8, 1), 5])
    file = ready.folder / "terms.xlsx"
    book.save(file)
    assert ready("shift", "import", file).code == 0
    assert listed(ready)[0]["until"] == "2026-08-01"


def test_all_that_is_wrong_is_told_at_once_and_no_row_is_recorded(ready: Desk) -> None:
    file = write(
        ready,
        HEAD
        + "pair-2025,da,xiao,2026-02-01,2026-08-01,5,,\n"
        + "pair-2025,da,xiao,2026-02-01,2026-08-01,5,,\n"
        + "pair-2025,da,xiao2,2026-02-01,2026-08-01,5,,\n"
        + "pair-2025,da,xiao,2026-08-01,2026-02-01,0,,某某某\n"
        + "pair-2025,,xiao,2026-13-01,2026-08-01,五,,\n"
        + "no-2025,da,xiao,2026-08-01,2027-02-01,5,,\n"
        + ",da,xiao2,2026-08-01,2027-02-01,5,,\n",
    )
    said = ready("shift", "import", file)
    assert said.code == 1
    places = [line.split(" ")[:2] for line in said.err.splitlines() if ".csv:" in line]
    assert [(place.removeprefix(str(file)), code) for place, code in places] == [
        (":3:4:", "L032"),
        (":4:3:", "L032"),
        (":5:5:", "L032"), (":5:6:", "L032"), (":5:8:", "L032"),
        (":6:2:", "L030"), (":6:4:", "L031"), (":6:6:", "L033"),
        (":7:1:", "L032"),
        (":8:2:", "L032"), (":8:3:", "L032"),
    ]  # fmt: skip
    assert "一行也没有登记" in said.err
    assert listed(ready) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "L013"),
        (HEAD, "L013"),
        ("supporter,recipient\n", "L007"),
        (HEAD + "pair-2025,=da,xiao,2026-02-01,2026-08-01,5,,\n", "L010"),
        (HEAD + "pair-2025,da,xiao,2026-02-01\n", "L009"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(ready: Desk, text: str, code: str) -> None:
    said = ready("shift", "import", write(ready, text))
    assert said.code == 1
    assert code in said.err


def test_a_file_that_is_not_there_is_refused(ready: Desk) -> None:
    assert "L013" in ready("shift", "import", ready.folder / "none.csv").err


def test_a_gap_is_simulated_by_nobody_who_records_nothing(ready: Desk) -> None:
    said = ready("simulate", "--from", "2026-01-01", "--to", "2026-12-31", "--format", "json")
    assert all("stationing" not in item["key"] for mail in said.json for item in mail["items"])
