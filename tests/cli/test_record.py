from __future__ import annotations

import json

import pytest

from cli.address import REHEARSAL
from scheduler import queries, store
from tests.cli.desk import Desk
from tests.scheduler.house import JUNE, PLAN, WORKFLOW


def test_a_fact_is_recorded_and_shown(desk: Desk) -> None:
    desk.adopt()
    said = desk("record", PLAN, "completed", "--on", "2026-01-08", "--evidence", "方案.pdf")
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
        ((PLAN, "lost"), "completed"),
        ((PLAN, "completed", "--on", "2026-02-30"), "2026-02-30"),
    ]
    for words, told in tries:
        said = desk("record", *words)
        assert (said.code, said.out) == (1, "")
        assert told in said.err
        assert "Traceback" not in said.err


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
