from __future__ import annotations

import io

from openpyxl import load_workbook

from tests.cli.desk import Desk
from tests.scheduler.house import JUNE, PLAN

DOCUMENT = ("--document", "pair-2025")


def test_the_kinds_of_facts_and_what_they_come_to(desk: Desk) -> None:
    desk.adopt()
    file = desk.folder / "方案.pdf"
    file.write_bytes(b"%PDF-1.7")
    desk.now = "2026-03-02 10:00"
    said = desk("record", PLAN, "submitted", "--evidence", file)
    assert "已登记已报送" in said.out
    assert "算作办结" in said.out
    assert "佐证存为 evidence/" in said.out
    assert desk("record", PLAN, "corrected", "--reason", "登错了").code == 0
    said = desk("record", PLAN, "extended", "--until", "2026-04-24", "--basis", "某函1号")
    assert said.out == f"已登记延期：{PLAN}，延期到 2026-04-24\n"
    stored = desk("deadlines", "--store", "--from", "2026-03-01", "--to", "2026-03-31",
                  "--kind", "once", "--format", "json").json  # fmt: skip
    assert [(r["due"], r["extended_to"], r["status"]) for r in stored if r["key"] == PLAN] == [
        ("2026-03-20", "2026-04-24", "open")
    ]
    (row,) = [
        row for row in desk("status", *DOCUMENT, "--format", "json").json["rows"]
        if row["institution_id"] == "da"
    ]  # fmt: skip
    (cell,) = row["cells"]
    assert (cell["key"], cell["status"], cell["extended_to"]) == (
        PLAN, "延期至4月24日", "2026-04-24",
    )  # fmt: skip


def test_bad_input_is_one_sentence_and_leaves_nothing(desk: Desk) -> None:
    desk.adopt()
    big = desk.folder / "big.pdf"
    with big.open("wb") as file:
        file.truncate(2 * 1024**3)
    tries = [
        (("record", PLAN, "completed", "--evidence", big), "最多 20 MB"),
        (("record", PLAN, "completed", "--evidence", desk.folder), "不是普通文件"),
        (("record", PLAN, "completed", "--evidence", "a\0b"), "不能保存的字符"),
        (("record", PLAN, "accepted"), "没有待审"),
        (("record", PLAN, "returned"), "理由"),
        (("record", PLAN, "returned", "--reason", "x"), "没有报送过"),
        (("record", PLAN, "corrected", "--reason", "x"), "没有可更正的登记"),
        (("record", PLAN, "corrected", "--reason", "x", "--fact", "7"), "没有第 7 号登记"),
        (("record", PLAN, "completed", "--fact", "7"), "只有更正"),
        (("record", PLAN, "extended", "--until", "2026-04-24"), "--basis"),
        (("record", PLAN, "extended", "--until", "2026-01-08", "--basis", "x"), "已经过去"),
        (("record", PLAN, "lost"), "completed"),
        (("status", *DOCUMENT, "--period", "2026-jul"), "没有“2026-jul”这一期"),
        (("status", "--document", "other"), "没有应用过"),
        (("status", *DOCUMENT, "--output", "x.json"), "--output 只用于"),
        (("remind", *DOCUMENT, "--period", "../../x"), "这一期"),
        (("event", "contacts", *DOCUMENT, "--institution", "无", "--on", "2026-01-05"), "名册里没有"),
        (("event", "plan", *DOCUMENT, "--institution", "shi", "--on", "2026-01-05"), "不是遇事即办"),
        (("event", "contacts", "--document", "x", "--institution", "shi", "--on", "2026-01-05"), "没有应用过"),
    ]  # fmt: skip
    for words, told in tries:
        said = desk(*words)
        assert (said.code, said.out) == (1, ""), words
        assert told in said.err
        assert "Traceback" not in said.err
    assert desk("status", *DOCUMENT, "--format", "json").json["counts"]["reported"] == 0


def test_the_matrix_as_table_json_and_workbook(desk: Desk) -> None:
    desk.adopt()
    desk.now = "2026-06-29 10:00"
    desk("record", PLAN, "completed", "--on", "2026-03-02")
    table = desk("status", *DOCUMENT).out
    assert "应报 3，已报 1，按期 1" in table
    assert "逾期未报" in table
    found = desk("status", *DOCUMENT, "--period", "2026-jun", "--format", "json").json
    assert found["counts"] == {"expected": 1, "reported": 0, "on_time": 0}
    assert [row["cells"][0]["key"] for row in found["rows"]] == [JUNE]
    file = desk.folder / "台账.xlsx"
    assert desk("status", *DOCUMENT, "--format", "xlsx", "--output", file).code == 0
    sheet = load_workbook(io.BytesIO(file.read_bytes())).active
    assert sheet is not None
    assert [cell.value for cell in next(sheet.iter_rows())][:3] == ["序号", "报送单位", "事项"]


def test_a_reminder_and_an_event(desk: Desk) -> None:
    desk.adopt()
    desk.now = "2026-03-02 10:00"
    said = desk("remind", *DOCUMENT, "--period", "2026-jun")
    assert (said.code, said.out) == (1, "")
    assert "还没有到该催的时候，最早的 6月20日到期" in said.err
    said = desk("remind", *DOCUMENT, "--period", "2026-jun", "--preview")
    assert said.code == 0
    assert "会催 0 家" in said.out
    assert "另有 1 项没有到期前七个工作日（最早的 6月20日到期），没有催；要催加 --all" in said.out
    desk("record", "pair-2025/progress/shi/2026-jun", "waived", "--reason", "当年不开展")
    said = desk("remind", *DOCUMENT, "--period", "2026-jun", "--preview")
    assert (said.code, said.out.count("这一期没有谁还欠着")) == (0, 1)
    desk("record", "pair-2025/progress/shi/2026-jun", "corrected", "--reason", "写错了")
    for _ in range(2):  # nobody can be reached, and every time it says so
        said = desk("remind", *DOCUMENT, "--period", "2026-jun", "--all")
        assert said.code == 0
        assert "甲市卫健委" in said.out
        assert "没有催到谁" in said.out
        assert "单位和上级都没有登记联络员、协调员" in said.out
    said = desk("event", "contacts", *DOCUMENT, "--institution", "甲市卫健委",
                "--on", "2026-03-02", "--cause", "换人")  # fmt: skip
    assert said.code == 0
    assert "最迟 2026-03-09" in said.out
    assert "本系统约定" in said.out
    assert said.out.endswith("pair-2025/contacts/shi/2026-03-02\n")


def test_on_an_empty_store_every_verb_says_what_to_do_first(desk: Desk) -> None:
    tries: tuple[tuple[str, ...], ...] = (
        ("record", PLAN, "completed"),
        ("record", PLAN, "extended", "--until", "2020-01-01", "--basis", "x"),
        ("status", *DOCUMENT),
        ("remind", *DOCUMENT, "--period", "2026-jun"),
        ("event", "contacts", *DOCUMENT, "--institution", "shi", "--on", "2026-01-05"),
    )
    for words in tries:
        said = desk(*words)
        assert (said.code, said.out) == (1, ""), words
        assert "还没有应用任何文件（先运行 duban serve" in said.err
