from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from cli.address import REHEARSAL
from scheduler import queries, store
from tests.cli.desk import Desk
from tests.scheduler.house import JUNE, PLAN, WORKFLOW


def test_a_fact_is_recorded_and_shown(desk: Desk) -> None:
    desk.adopt()
    said = desk("record", PLAN, "completed", "--on", "2026-01-08", "--evidence", "text:方案.pdf")
    assert (said.code, said.out) == (0, f"已登记已完成：{PLAN}\n")
    stored = desk("deadlines", "--store", "--from", "2026-03-01", "--to", "2026-03-31",
                  "--kind", "once", "--format", "json").json  # fmt: skip
    assert [row["status"] for row in stored if row["key"] == PLAN] == ["completed"]


def test_refusals_are_one_sentence_and_exit_1(desk: Desk) -> None:
    desk.adopt()
    tries = [
        ((PLAN, "completed", "--on", "2026-01-10"), "还没有到"),
        ((PLAN, "waived"), "--reason"),
        ((PLAN, "acknowledged"), "--until"),
        ((JUNE + "e", "completed"), JUNE),
        (("pair-2025/lost", "extended", "--until", "2020-01-01", "--basis", "x"), "没有这一事项"),
        ((PLAN, "lost"), "completed"),
        ((PLAN, "completed", "--on", "2026-02-30"), "2026-02-30"),
    ]
    for words, told in tries:
        said = desk("record", *words)
        assert (said.code, said.out) == (1, "")
        assert told in said.err
        assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "name", ["方案.pdf", "材料/方案.docx", "./方案", "scans/plan", "C:\\报送\\方案.doc", "方案.zip"]
)
def test_a_file_that_is_not_there_is_not_taken_for_words(desk: Desk, name: str) -> None:
    desk.adopt()
    said = desk("record", PLAN, "completed", "--on", "2026-01-08", "--evidence", name)
    assert (said.code, said.out) == (1, "")
    assert f"找不到佐证文件 {name}（" in said.err
    assert "text:" in said.err
    assert PLAN not in done(desk)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("text:方案.pdf", "方案.pdf"),
        ("https://oa.example/1.pdf", "https://oa.example/1.pdf"),
        ("OA 收文 2026-118", "OA 收文 2026-118"),
        ("签到表/照片", "签到表/照片"),
        ("2026/1/8已交", "2026/1/8已交"),
    ],
)
def test_words_and_addresses_are_kept_as_they_are(desk: Desk, given: str, kept: str) -> None:
    desk.adopt()
    assert desk("record", PLAN, "completed", "--evidence", given).code == 0
    engine = store.connect(f"sqlite:///{desk.folder / 'data' / 'duban.db'}")
    with store.reading(engine) as session:
        assert session.execute(select(queries.FACTS.c.evidence)).scalars().all() == [kept]
    engine.dispose()


def test_small_and_capital_letters_of_a_key_are_the_same(desk: Desk) -> None:
    desk.adopt()
    said = desk("record", f" {PLAN.upper()} ", "completed")
    assert (said.code, said.out) == (0, f"已登记已完成：{PLAN}\n")
    assert done(desk) == [PLAN]


def done(desk: Desk) -> list[str]:
    rows = desk("deadlines", "--store", "--from", "2026-03-01", "--to", "2026-03-31",
                "--kind", "once", "--format", "json").json  # fmt: skip
    return [row["key"] for row in rows if row["status"] == "completed"]


def test_in_a_rehearsal_today_is_the_services(desk: Desk) -> None:
    desk.adopt()
    words = ("record", PLAN, "completed", "--on", "2026-03-10")
    assert "还没有到" in desk(*words).err
    engine = store.connect(f"sqlite:///{desk.folder / 'data' / 'duban.db'}")
    with store.writing(engine) as session:
        queries.set_mark(session, "tick", "2026-03-10T09:00:00+08:00")
        queries.set_mark(session, "clock", REHEARSAL)
    engine.dispose()
    assert desk(*words).code == 0
    desk.write(WORKFLOW.replace("2026-03-20", "2026-03-27"))
    saved = desk.folder / "edit.json"
    desk("plan", "--save", saved)
    assert json.loads(saved.read_text())["made_at"].startswith("2026-03-10T09:00")


def test_tick_delivers_into_the_maildir_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    people = desk.folder / "contacts.csv"
    people.write_text(
        "institution,role,office,email,from,until\n"
        "甲市人民医院,联络员,医务部,da@example.org,,\n"
        "xiao,liaison,,xiao@example.org,,\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("DUBAN_CONTACTS", str(people))
    assert "还没有应用" in desk("tick").err
    desk.adopt()
    said = desk("tick", "--at", "2026-03-06T09:00:00+08:00")
    assert (said.code, said.out) == (0, "看了 1 项，计划 2 条提醒，拟信 2 封，发出 2 封\n")
    assert len(list((desk.folder / "data" / "mail" / "new").iterdir())) == 2
    desk("tick", "--at", "2026-03-06T09:01:00+08:00")
    assert len(list((desk.folder / "data" / "mail" / "new").iterdir())) == 2
    assert desk("tick", "--at", "2026-03-06T09:01:00").code == 1
