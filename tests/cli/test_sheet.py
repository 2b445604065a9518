"""The self-check sheet as the command line prints it, from what was recorded, added by hand."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from sqlmodel import Session

from scheduler import activities, happenings, shifts, store
from scheduler.applying import adopt_bundled
from scheduler.loading import load
from scheduler.proposing import applied_world
from scheduler.recording import Statement, record
from scheduler.world import World
from tests.cli.command import duban

ZONE = ZoneInfo("Asia/Shanghai")
S, R = "shiyan-taiheyiyuan", "yunyang-renminyiyuan"
NAMES = ("十堰市太和医院", "郧阳区人民医院")
PAIR = f"{S}.{R}"
ASKED = ("sheet", "--document", "hubei-2022", "--supporter", NAMES[0], "--recipient", NAMES[1])


def at(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 10, tzinfo=ZONE)


class Office:
    """A data folder in which Hubei's document was adopted on 3 January 2023."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = store.connect(f"sqlite:///{folder / 'data' / 'duban.db'}", durable=False)
        store.migrate(self.engine)
        loaded = load(only="hubei-2022")
        base = World({}, {}, loaded.workdays)
        with store.writing(self.engine) as session:
            adopt_bundled(session, loaded, at(2023, 1, 3), base)
            self.world = applied_world(session, base)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with store.writing(self.engine) as session:
            yield session

    def did(self, obligation: str, *days: tuple[int, int, int], count: int = 1) -> None:
        for day in days:
            done = activities.Done("hubei-2022", obligation, date(*day), S, R, count=count)
            with self.writing() as session:
                activities.record(session, done, at(2024, 1, 2), "测试", self.world)

    def stationed(self, first: date, until: date, people: int) -> None:
        entry = shifts.Entry("hubei-2022", S, R, first, until, people)
        with self.writing() as session:
            shifts.add(session, [entry], at(2023, 1, 4), "测试", self.world)

    def json(self, year: int, code: int = 0) -> Any:
        done = duban(self.folder, *ASKED, "--year", str(year), "--format", "json")
        assert done.returncode == code, done.stderr.decode()
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    folder = tmp_path_factory.mktemp("sheet")
    (folder / "data").mkdir()
    found = Office(folder)
    found.stationed(date(2023, 1, 1), date(2023, 7, 1), 5)
    found.stationed(date(2023, 8, 1), date(2024, 2, 1), 4)
    found.did("task-lists", (2023, 1, 10))
    found.did("leaders-study", (2023, 2, 1), (2023, 9, 1))
    found.did("annual-letter", (2023, 1, 20))
    found.did("annual-plan", (2023, 1, 20))
    found.did("head-visit", (2022, 12, 30), (2024, 1, 1))  # neither in 2023
    found.did("department-visits", (2023, 1, 1), (2023, 3, 31), (2023, 12, 31))
    found.did("remote-services", (2023, 5, 5), count=6)
    found.did("remote-services", (2023, 6, 5), (2023, 7, 5))
    found.did("teaching", (2023, 4, 4), (2023, 5, 4))
    found.did("receive-trainees", (2023, 6, 1))
    found.did("key-specialty", (2022, 8, 8))
    with found.writing() as session:
        key = happenings.by_hand(
            session, "hubei-2022", "trainees-assessed", S, date(2023, 6, 30), "一期培训结束",
            at(2023, 7, 1), found.world, "测试", partner=R,
        )  # fmt: skip
    with found.writing() as session:
        record(session, Statement(key, "completed"), at(2023, 7, 3), "测试", found.world)
        said = Statement(f"hubei-2022/new-techniques/{PAIR}/2023", "completed")
        record(session, said, at(2023, 12, 20), "测试", found.world)
    return found


def test_points_added_by_hand(office: Office) -> None:
    found = office.json(2023)
    assert found["draft"] is True
    assert "草稿" in found["notice"]
    assert (found["from"], found["to"]) == ("2023-01-01", "2023-12-31")
    assert (found["supporter"], found["recipient"]) == NAMES
    points = {line["id"]: line["points"] for line in found["lines"]}
    assert points == {
        "leaders-study": 2, "leading-group": None, "letter-and-plan": 2, "head-visit": 0,
        "department-visits": 1,  # the second and third quarter without: 2 - 2 × 0.5
        "task-lists": None, "remote-system": None, "remote-services": 8, "teaching": None,
        "receive-trainees": 2, "trainees-assessed": 4, "letter-targets": 0, "new-techniques": 5,
        "quality": None, "key-specialty": 5, "recipient-opinion": None, "more-resources": 0,
        "new-ways": None, "highlights": None, "publicity": None,
    }  # fmt: skip
    total = found["total"]
    assert total["known"] == 2 + 2 + 1 + 8 + 2 + 4 + 5 + 5
    assert total["by_hand"] == 2 + 20 + 5 + 10 + 5 + 5 + 2 + 2 + 2
    # Four people without a list lose 16 of 20 points at most, 2 at least.
    assert (total["least"], total["most"]) == (29 + 4, 29 + 33 + 18)
    assert found["grades"] == ["优秀", "良好", "一般", "差"]  # 80 and 12 are 92
    lines = {line["id"]: line for line in found["lines"]}
    assert lines["department-visits"]["missing"] == ["第二季度没有登记", "第三季度没有登记"]
    assert "2023年8月1日" in lines["task-lists"]["missing"][0]
    assert lines["teaching"]["figure"] == "2次"
    signs = found["vetoes"][0]["signs"]
    assert "2023年7月1日至2023年7月31日没有登记派驻人员（31天）" in signs
    assert any("4人" in sign for sign in signs)
    assert [one["applies"] for one in found["vetoes"]] == [None] * 3


def test_a_year_cut_short_at_its_beginning(office: Office) -> None:
    found = office.json(2022)
    assert (found["from"], found["to"]) == ("2022-04-01", "2022-12-31")
    points = {line["id"]: line["points"] for line in found["lines"]}
    # Three quarters only, none of them visited: 2 - 3 × 0.5.
    assert points["department-visits"] == 0.5
    assert (points["head-visit"], points["key-specialty"], points["receive-trainees"]) == (2, 5, 0)


def test_refusals(office: Office) -> None:
    swapped = (
        "sheet",
        "--document",
        "hubei-2022",
        "--supporter",
        NAMES[1],
        "--recipient",
        NAMES[0],
    )
    for words, said in (
        ((*ASKED, "--year", "2021"), "2021年不在"),
        ((*ASKED, "--year", "99999"), "99999"),
        ((*swapped, "--year", "2023"), "没有这一对"),
        ((*ASKED[:4], "某医院", *ASKED[5:], "--year", "2023"), "某医院"),
        (("sheet", "--document", "x", *ASKED[3:], "--year", "2023"), "“x”"),
    ):
        done = duban(office.folder, *words)
        assert (done.returncode, done.stdout) == (1, b""), words
        assert said in done.stderr.decode()
        assert "Traceback" not in done.stderr.decode()


def test_the_workbook_is_text_with_a_frozen_header(office: Office) -> None:
    raw = duban(office.folder, *ASKED, "--year", "2023", "--format", "xlsx").stdout
    table = openpyxl.load_workbook(io.BytesIO(raw)).active
    assert table is not None
    assert table.freeze_panes == "A4"
    assert table.page_setup.paperSize == 9
    cells = [cell for row in table.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    rows = {row[1]: row for row in table.iter_rows(min_row=4, values_only=True)}
    assert rows["科室主任每季度到受援医院相应科室指导带教"][6] == "1"
    assert rows["建立远程医疗服务信息系统"][6] == "人工"
    assert "草稿" in str(table["A1"].value)


def test_the_page_stands_alone(office: Office) -> None:
    page = duban(office.folder, *ASKED, "--year", "2023", "--format", "html").stdout.decode()
    assert page.lstrip().startswith("<!doctype html>")
    assert "草稿" in page
    assert "@page" in page
    assert not re.search(r"(src|href)=|https?://|@import|<script", page)


def test_the_plain_form_is_for_reading(office: Office) -> None:
    said = duban(office.folder, *ASKED, "--year", "2023").stdout.decode()
    assert "已能算出29分，另有53分要由人判断" in said
    assert "草稿" in said
