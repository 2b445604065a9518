from __future__ import annotations

import json
from pathlib import Path

from tests.cli.desk import Desk
from tests.scheduler.house import PAIRINGS, PLAN, TABLES, WORKFLOW

LATER = WORKFLOW.replace("on: 2026-03-20", "on: 2026-04-15")


def test_the_first_plan_adds_all_and_apply_leaves_nothing_to_do(desk: Desk) -> None:
    first = desk("plan")
    assert first.code == 2
    assert f"新增 {PLAN} 报送工作方案〔甲市人民医院〕：2026-03-20" in first.out
    desk.adopt()
    again = desk("plan")
    assert (again.code, again.out) == (0, "没有改动：文件与已应用的一致。\n")


def test_an_edit_in_text_and_json(desk: Desk) -> None:
    desk.adopt()
    desk.write(LATER)
    text = desk("plan")
    assert text.code == 2
    assert (
        f"改动 {PLAN} 报送工作方案〔甲市人民医院〕：2026-03-20 → 2026-04-15（期限改动）" in text.out
    )
    found = desk("plan", "--format", "json")
    assert found.code == 2
    assert found.json["edited"] == ["pair-2025"]
    assert found.json["counts"] == {"add": 0, "change": 1, "remove": 0, "keep": 0}
    assert found.json["moves"] == [
        {
            "action": "change",
            "key": PLAN,
            "document": "pair-2025",
            "title": "报送工作方案",
            "responsible": "甲市人民医院",
            "cause": "期限改动",
            "old": "2026-03-20",
            "new": "2026-04-15",
            "sent": 0,
            "mails": [],
        }
    ]


def test_nothing_changes_until_apply(desk: Desk) -> None:
    desk.adopt()
    desk.write(LATER)
    desk("plan")
    stored = desk("deadlines", "--store", "--from", "2026-03-01", "--to", "2026-04-30",
                  "--kind", "once", "--format", "json").json  # fmt: skip
    assert [row["due"] for row in stored if row["key"] == PLAN] == ["2026-03-20"]


def test_candidates_at_a_path(desk: Desk) -> None:
    desk.adopt()
    file = desk.write(LATER, "draft")
    for path in (file, file.parent):
        assert desk("plan", path, "--format", "json").json["counts"]["change"] == 1
    tables = TABLES | {"pairings.csv": PAIRINGS + "da.xiao2,da,xiao2,附件第2行,,,,,\n"}
    roster = desk.roster(desk.folder / "people" / "pair-2025", tables)
    for path in (roster, roster / "pairings.csv", roster.parent):
        moves = desk("plan", path, "--format", "json").json["moves"]
        added = [m["key"] for m in moves if m["action"] == "add" and m["cause"] == "名册新增对象"]
        assert "pair-2025/plan/da.xiao2/once" in added
    assert desk("plan").code == 0


def test_what_cannot_be_a_candidate(desk: Desk, tmp_path: Path) -> None:
    assert desk("plan", tmp_path / "nowhere").code == 1
    (tmp_path / "empty").mkdir()
    assert "没有工作流" in desk("plan", tmp_path / "empty").err
    bad = tmp_path / "bad.yaml"
    bad.write_text("id: [", encoding="utf-8")
    said = desk("plan", bad)
    assert said.code == 1
    assert f"{bad}:1:" in said.err
    assert "Traceback" not in said.err


def test_a_stale_plan_is_refused(desk: Desk) -> None:
    desk.adopt()
    desk.write(LATER)
    saved = desk.folder / "plan.json"
    desk("plan", "--save", saved)
    assert desk("record", PLAN, "acknowledged", "--until", "2026-02-01").code == 0
    refused = desk("apply", saved)
    assert refused.code == 1
    assert "方案已过时" in refused.err
    desk("plan", "--save", saved)
    assert desk("apply", saved).code == 0
    assert desk("apply", saved).code == 1  # carried out once


def test_a_plan_holds_the_texts_it_was_made_of(desk: Desk) -> None:
    desk.adopt()
    saved = desk.folder / "plan.json"
    desk("plan", desk.write(LATER, "draft"), "--save", saved)
    (desk.folder / "draft" / "pair-2025.yaml").unlink()
    assert desk("apply", saved).code == 0
    assert desk("plan", "--format", "json").json["moves"][0]["new"] == "2026-03-20"


def test_files_that_are_no_plan(desk: Desk, tmp_path: Path) -> None:
    for name, text in (("a", "{"), ("b", "[]"), ("c", '{"duban_plan": 1}')):
        (tmp_path / name).write_text(text, encoding="utf-8")
        said = desk("apply", tmp_path / name)
        assert (said.code, "Traceback" in said.err) == (1, False)
    assert desk("apply", tmp_path / "none").code == 1
    desk.adopt()
    whole = json.loads((desk.folder / "first.json").read_text(encoding="utf-8"))
    whole["documents"]["pair-2025"]["workflow"] = "id: ["
    (tmp_path / "d").write_text(json.dumps(whole), encoding="utf-8")
    assert "读不了" in desk("apply", tmp_path / "d").err


def test_an_edit_of_pairings_announces_the_duties_that_it_will_start(desk: Desk) -> None:
    watching = WORKFLOW.replace(
        "rule: {when: 联系人变动}", "rule: {when: 帮扶关系变动, watches: pairing}"
    )
    desk.write(watching)
    desk.adopt()
    more = TABLES | {"pairings.csv": PAIRINGS + "da.xiao2,da,xiao2,附件第2行,,,,,\n"}
    desk.now = "2026-03-02 10:00"
    desk.roster(desk.folder / "rosters" / "pair-2025", more)
    file = desk.folder / "change.json"
    text = desk("plan", "--save", str(file))
    assert text.code == 2
    assert (
        "起算 pair-2025/contacts 联系人变动报送〔甲市卫健委〕：最迟 2026-03-09"
        "（帮扶关系新增甲市人民医院—丙县人民医院；今天执行就从今天起算）" in text.out
    )
    found = desk("plan", "--format", "json").json
    assert found["events"] == [
        {
            "document": "pair-2025",
            "obligation": "contacts",
            "title": "联系人变动报送",
            "responsible": "甲市卫健委",
            "on": "2026-03-02",
            "due": "2026-03-09",
            "cause": "帮扶关系新增甲市人民医院—丙县人民医院",
        }
    ]
    assert desk("apply", str(file)).code == 0
    stored = desk("deadlines", "--store", "--from", "2026-03-01", "--to", "2026-03-31",
                  "--kind", "event", "--format", "json").json  # fmt: skip
    due = [(row["key"], row["due"]) for row in stored if row["due"]]
    assert due == [("pair-2025/contacts/shi/2026-03-02", "2026-03-09")]
    assert desk("plan", "--format", "json").json["events"] == []


def test_an_edit_that_touches_no_pairing_announces_nothing(desk: Desk) -> None:
    watching = WORKFLOW.replace(
        "rule: {when: 联系人变动}", "rule: {when: 帮扶关系变动, watches: pairing}"
    )
    desk.write(watching)
    assert desk("plan", "--format", "json").json["events"] == []  # the first load starts nothing
    desk.write(watching)
    desk.adopt()
    desk.write(watching.replace("on: 2026-03-20", "on: 2026-04-15"))
    assert desk("plan", "--format", "json").json["events"] == []
    assert "起算" not in desk("plan").out
