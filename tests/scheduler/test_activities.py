"""Recording activities: what is refused, what is recorded with a warning, and what follows."""

from __future__ import annotations

import time
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import event

from config.activity_rows import read_activities
from scheduler import activities, queries, store
from scheduler.activities import Done, Recorded
from scheduler.importing import take_over
from scheduler.quota_report import lines, row
from scheduler.refusals import Refused
from scheduler.tallies import ACTIVITIES
from tests.scheduler.house import PAIRINGS, TABLES, WORKFLOW, House, at, found

QUOTAS = """\
  - id: ones
    title: 三个一
    kind: quota
    clauses: [八]
    phrase: 每年三个一
    per: pairing
    responsible: supporter
    rule: {per: year, at_least: 3, unit: 项, items: [一项急需, 一支团队, 一项新技术]}
  - id: checks
    title: 抽查
    kind: quota
    clauses: [九]
    phrase: 每年抽查
    per: institution
    responsible: city
    rule: {per: year, at_least: 1, at_most: 2, unit: 家}
  - id: rounds
    title: 教学查房
    kind: quota
    clauses: [十]
    phrase: 至少每周1次
    per: pairing
    responsible: supporter
    rule: {per: week, at_least: 1, unit: 次}
"""
NOW = "2026-03-06 10:00"
ENDED = TABLES | {"pairings.csv": PAIRINGS + "da.xiao2,da,xiao2,附件第2行,,,2025-03-01,2026-02-01,\n"}


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Give a house whose document has three more quotas, and a pairing that has ended."""
    made = House(tmp_path, "2026-01-09 10:00")
    made.edit(found(WORKFLOW + QUOTAS, ENDED), "2026-01-09 11:00")
    return made


def record(house: House, when: str = NOW, **kw: object) -> Recorded:
    words: dict[str, object] = {
        "document": "pair-2025", "obligation": "rounds", "supporter": "da", "recipient": "xiao",
        "on": date(2026, 3, 5),
    }  # fmt: skip
    with store.writing(house.engine) as session:
        return activities.record(session, Done(**words | kw), at(when), "测试", house.world)  # type: ignore[arg-type]


def refusal(house: House, **kw: object) -> str:
    with pytest.raises(Refused) as refused:
        record(house, **kw)
    assert refused.value.message
    return f"{refused.value.message}|{refused.value.hint}"


def stored(house: House) -> int:
    with store.reading(house.engine) as session:
        return len(activities.listed(session, withdrawn=True))


@pytest.mark.parametrize(
    ("kw", "said"),
    [
        ({"document": "nothing"}, "没有编号为“nothing”的文件"),
        ({"obligation": "round"}, "没有“round”这一事项|可以写：rounds"),
        ({"obligation": "plan"}, "“报送工作方案”不是频次事项"),
        ({"supporter": "乌有医院"}, "名册里没有“乌有医院”"),
        ({"supporter": ""}, "没有写支援单位"),
        ({"supporter": "xiao", "recipient": "da"}, "不是这一事项的帮扶关系"),
        ({"on": date(2026, 3, 7)}, "还没有到"),
        ({"count": 0}, "次数不能是 0"),
        ({"count": -3}, "次数不能是 -3"),
        ({"item": "一项急需"}, "这一事项不分项"),
        ({"obligation": "ones", "item": "一座医院"}, "没有“一座医院”这一项|可以写：一"),
        ({"obligation": "ones", "item": "4"}, "没有“4”这一项"),
        ({"obligation": "checks"}, "没有写单位"),
        ({"obligation": "checks", "institution": "省局"}, "省局没有这一事项|有这一事项的：甲市卫健委"),
        ({"evidence": "换\n行"}, "内容太长，或有看不见的字符"),
        ({"evidence": "长" * 301}, "内容太长"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    house: House, kw: dict[str, object], said: str
) -> None:
    assert said in refusal(house, **kw)
    assert stored(house) == 0


def test_the_same_twice_is_refused_unless_something_differs(house: House) -> None:
    record(house)
    assert "已登记过完全相同的活动（编号 1）" in refusal(house)
    for kw in ({"count": 2}, {"evidence": "第二张签到表"}, {"on": date(2026, 3, 4)}):
        record(house, **kw)
    assert stored(house) == 4


def test_what_was_withdrawn_may_be_recorded_again(house: House) -> None:
    record(house)
    with store.writing(house.engine) as session:
        activities.withdraw(session, 1, "记错了", at(NOW), "测试", house.world)
        with pytest.raises(Refused, match="早已撤回"):
            activities.withdraw(session, 1, "再撤", at(NOW), "测试", house.world)
        with pytest.raises(Refused, match="没有编号为 9"):
            activities.withdraw(session, 9, "没有", at(NOW), "测试", house.world)
    assert record(house).number == 2
    with store.reading(house.engine) as session:
        first, second = activities.listed(session, withdrawn=True)
        assert (first.reason, second.withdrawn_at) == ("记错了", None)
        log = session.execute(queries.AUDIT.select()).mappings().all()
    about = "pair-2025/rounds/da.xiao"
    assert [one["action"] for one in log if one["about"] == about] == [
        "activity", "withdraw", "activity",
    ]  # fmt: skip


def test_outside_any_window_it_is_recorded_with_a_warning(house: House) -> None:
    assert record(house).warnings == ()
    for kw in ({"on": date(2025, 1, 9)}, {"recipient": "xiao2", "on": date(2026, 2, 1)}):
        (said,) = record(house, **kw).warnings
        assert "不在“教学查房”的任何一期之内，已记下，不计数" in said
    assert record(house, recipient="xiao2", on=date(2026, 1, 31)).warnings == ()
    assert stored(house) == 4


def report(house: House, **kw: object) -> list[dict[str, object]]:
    with store.reading(house.engine) as session:
        found_lines = lines(
            session, house.world, "pair-2025", date(2026, 1, 1), date(2026, 12, 31),
            date(2026, 3, 6), **kw,  # type: ignore[arg-type]
        )  # fmt: skip
        return [row(line) for line in found_lines]


def test_the_report_has_every_window_by_end_and_key(house: House) -> None:
    record(house)
    record(house, obligation="ones", item="2")
    record(house, obligation="checks", institution="甲市卫健委", count=3)
    rows = report(house)
    assert rows == sorted(rows, key=lambda one: (one["due"], one["key"]))
    by_key = {one["key"]: one for one in rows}
    week = by_key["pair-2025/rounds/da.xiao/2026-w10"]
    assert (week["counted"], week["expected_by_now"], week["state"]) == (1, 1, "met")
    ones = by_key["pair-2025/ones/da.xiao/2026"]
    assert (ones["counted"], ones["missing"]) == (1, ["一项急需", "一项新技术"])
    checks = by_key["pair-2025/checks/shi/2026"]
    assert (checks["supporter"], checks["institution"]) == (None, "甲市卫健委")
    assert (checks["counted"], checks["at_most"], checks["state"]) == (3, 2, "over")
    ended = [one for one in rows if one["recipient"] == "丙县人民医院"]
    assert {one["due"] for one in ended} <= {f"2026-01-{n:02}" for n in range(1, 32)}
    assert not any(one["kept"] for one in ended)
    only = report(house, institutions={"xiao2"})
    assert {one["recipient"] for one in only if one["supporter"]} == {"丙县人民医院"}


def table(folder: Path, *rows: str) -> Path:
    file = folder / "activities.csv"
    file.write_text("\n".join(rows) + "\n", "utf-8")
    return file


def imported(house: House, file: Path) -> tuple[list[int], list[str], bool]:
    read = read_activities(file)
    with store.writing(house.engine) as session:
        numbers = take_over(session, read, "pair-2025", at(NOW), "测试", house.world)
    said = [f"{f.line}:{f.column} {f.code} {f.severity}" for f in read.findings]
    return numbers, said, read.faulty


HEAD = "日期,事项,支援医院,受援医院,次数,项目"


def test_a_table_is_taken_over_whole_or_not_at_all(house: House, tmp_path: Path) -> None:
    bad = table(
        tmp_path, HEAD,
        "2026/3/2,教学查房,甲市人民医院,乙县人民医院,,",
        "2026-3-2,教学查房,da,xiao,1,",
        "2026-02-30,教学查房,da,xiao,两次,",
        "2026-03-09,查房,da,无名,0,",
        ",教学查房,da,xiao,,",
    )  # fmt: skip
    numbers, said, faulty = imported(house, bad)
    assert (numbers, faulty, stored(house)) == ([], True, 0)
    assert said == [
        "3:1 L034 error",
        "4:1 L031 error",
        "4:5 L033 error",
        "5:1 L032 error",
        "5:2 L032 error",
        "5:5 L032 error",
        "6:1 L030 error",
    ]


def test_a_table_that_grows_is_imported_again(house: House, tmp_path: Path) -> None:
    rows = ["2026-03-02,教学查房,da,xiao,,", "2026-03-03,三个一,da,xiao,,1"]
    assert imported(house, table(tmp_path, HEAD, *rows)) == ([1, 2], [], False)
    more = [*rows, "2025-01-01,教学查房,da,xiao,,", "2026-03-04,教学查房,da,xiao,2,"]
    numbers, said, faulty = imported(house, table(tmp_path, HEAD, *more))
    assert (numbers, faulty) == ([3, 4], False)
    assert said == ["2:1 L035 warning", "3:1 L035 warning", "4:1 L036 warning"]


def test_a_workbook_is_read_like_a_table(house: House, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEAD.split(","))
    sheet.append([date(2026, 3, 2), "教学查房", "甲市人民医院", "乙县人民医院", 2, None])
    book.save(tmp_path / "a.xlsx")
    assert imported(house, tmp_path / "a.xlsx") == ([1], [], False)
    with store.reading(house.engine) as session:
        (one,) = activities.listed(session)
    assert (one.on, one.count, one.subject) == (date(2026, 3, 2), 2, "da.xiao")


def test_only_the_windows_it_touches_are_placed_anew(house: House) -> None:
    record(house)  # the first one of the subject places all its coming windows
    written: list[str] = []

    def listen(conn: object, cursor: object, statement: str, params: object, *_: object) -> None:
        if statement.startswith("UPDATE occurrence"):
            rows = params if isinstance(params, list) else [params]
            written.extend(str(one) for one in rows)

    event.listen(house.engine, "before_cursor_execute", listen)
    began = time.perf_counter()
    record(house, on=date(2026, 3, 3))
    assert time.perf_counter() - began < 2
    assert len(written) == 1
    assert "rounds/da.xiao/2026-w10" in written[0]


def test_nothing_is_ever_deleted(house: House) -> None:
    for n in range(5):
        record(house, on=date(2026, 3, 1) + timedelta(days=n))
    with store.writing(house.engine) as session:
        for number in (1, 3):
            activities.withdraw(session, number, "错", at(NOW), "测试", house.world)
        assert session.execute(ACTIVITIES.select()).fetchall().__len__() == 5
        assert [one.id for one in activities.listed(session)] == [2, 4, 5]
