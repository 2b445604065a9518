"""Events start their duty once for each change, by hand or because the change was seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scheduler import applying, evidence, happenings, queries, store, watching
from scheduler.ladder import steps
from scheduler.plan import horizon
from scheduler.proposing import propose
from scheduler.recorded import EVENTS
from scheduler.recording import Statement, record
from scheduler.refusals import Refused
from scheduler.rows import decode
from tests.scheduler.house import (
    BASE,
    PLAN,
    TABLES,
    WORKDAYS,
    WORKFLOW,
    ZONE,
    House,
    at,
    found,
    loaded,
)  # fmt: skip
from tests.scheduler.receivers import Receivers

EVENTFUL = WORKFLOW.replace("rule: {when: 联系人变动}", "rule: {when: 联系人变动, watches: contacts}") + """\
  - id: agreement-changes
    title: 协议有变化即报
    kind: event
    clauses: [八]
    phrase: 协议如有变化
    per: pairing
    responsible: recipient
    recipients: [bureau]
    rule: {when: 协议发生变化, watches: agreement, of: plan, respond_within: 10}
  - id: relation-changes
    title: 关系变更报备
    kind: event
    clauses: [九]
    phrase: 关系需要增减
    per: institution
    responsible: city
    recipients: [bureau]
    rule: {when: 关系变更, watches: pairing}
"""  # fmt: skip
SHI = "pair-2025/contacts/shi/"


@dataclass(frozen=True)
class Holder:
    email: str
    office: str = "办公室"


class People:
    """A list of contacts with liaisons only."""

    def __init__(self, **by_institution: str) -> None:
        self.by_institution = by_institution

    def holders(self, institution: str, role: str, on: date) -> tuple[Holder, ...]:
        email = self.by_institution.get(institution)
        return (Holder(email),) if email and role == "liaison" else ()


@pytest.fixture
def eventful(tmp_path: Path) -> House:
    house = House.__new__(House)
    house.engine = store.connect(f"sqlite:///{tmp_path / 'duban.db'}", durable=False)
    store.migrate(house.engine)
    house.base, house.known = BASE, None
    with store.writing(house.engine) as session:
        applying.adopt_bundled(session, loaded(EVENTFUL), at("2026-01-09 10:00"), BASE)
    return house


def keys(house: House, prefix: str) -> list[str]:
    with store.reading(house.engine) as session:
        return [k.removeprefix(prefix) for k in queries.keys_under(session, prefix)]


def by_hand(house: House, on: str, when: str, *, again: bool = False, **more: str) -> str:
    given = {"obligation": "contacts", "institution": "shi"} | more
    with store.writing(house.engine) as session:
        return happenings.by_hand(
            session, "pair-2025", given["obligation"], given["institution"],
            date.fromisoformat(on), given.get("cause", ""), at(when), house.world, "测试",
            given.get("partner"), again,
        )  # fmt: skip


def test_an_event_by_hand_starts_its_duty_with_the_house_rule(eventful: House) -> None:
    key = by_hand(eventful, "2026-03-02", "2026-03-02 10:00", cause="换了联络员")
    row = eventful.row(key)
    one = decode(str(row["body"]))
    assert key == f"{SHI}2026-03-02"
    assert (one.opens, one.due) == (date(2026, 3, 2), date(2026, 3, 9))
    assert "本系统约定遇事后5个工作日内" in (one.reading or "")
    assert "换了联络员" in (one.summary or "")
    ladder = [step.rung for step in steps(one, WORKDAYS, ZONE)]
    assert ladder == ["before-2wd", "after-1wd", "after-5wd", "after-10wd"]
    assert by_hand(eventful, "2026-03-02", "2026-03-02 11:00") == f"{SHI}2026-03-02-2"
    assert keys(eventful, SHI) == ["2026-03-02", "2026-03-02-2", "always"]
    eventful.tick("2026-03-05 09:00")
    assert [n.rung for n in eventful.notices(key)] == ["before-2wd"]
    with store.writing(eventful.engine) as session:
        record(session, Statement(key, "completed"), at("2026-03-06 10:00"), "测试", eventful.world)
    assert eventful.row(key)["status"] == "completed"


def test_the_same_event_is_not_recorded_twice_by_mistake(eventful: House) -> None:
    by_hand(eventful, "2026-03-02", "2026-03-02 10:00", cause="换了联络员")
    for words in ("换了联络员", " 换了联络员 "):
        with pytest.raises(Refused, match="已经登记过") as refused:
            by_hand(eventful, "2026-03-02", "2026-03-03 10:00", cause=words)
        assert "--again" in refused.value.hint
    assert keys(eventful, SHI) == ["2026-03-02", "always"]
    by_hand(eventful, "2026-03-02", "2026-03-02 11:00", cause="又换了协调员")
    by_hand(eventful, "2026-03-01", "2026-03-02 11:00", cause="换了联络员")
    by_hand(eventful, "2026-03-02", "2026-03-02 11:00", cause="换了联络员", again=True)
    assert keys(eventful, SHI) == [
        "2026-03-01", "2026-03-02", "2026-03-02-2", "2026-03-02-3", "always",
    ]  # fmt: skip


def test_told_late_it_is_late_and_before_adoption_it_is_history(eventful: House) -> None:
    late = by_hand(eventful, "2026-02-02", "2026-03-02 10:00")
    assert eventful.row(late)["status"] == "open"
    eventful.tick("2026-03-02 10:01")
    assert [n.rung for n in eventful.notices(late)][:1] == ["after-10wd"]
    old = by_hand(eventful, "2025-06-02", "2026-03-02 10:00")
    assert eventful.row(old)["status"] == "history"


@pytest.mark.parametrize(
    ("more", "on", "word"),
    [
        ({}, "2026-03-03", "还没有到"),
        ({}, "2024-12-31", "早于文件生效"),
        ({"obligation": "lost"}, "2026-03-02", "没有叫"),
        ({"obligation": "plan"}, "2026-03-02", "不是遇事即办"),
        ({"institution": "xiao2"}, "2026-03-02", "与这个单位无关"),
        ({"cause": "长" * 201}, "2026-03-02", "太长"),
        ({"cause": "两\n行"}, "2026-03-02", "看不见的字符"),
        ({"cause": "倒\u202e写"}, "2026-03-02", "看不见的字符"),
    ],
)
def test_events_that_are_refused(
    eventful: House, more: dict[str, str], on: str, word: str
) -> None:
    with pytest.raises(Refused, match=word):
        by_hand(eventful, on, "2026-03-02 10:00", **more)
    assert keys(eventful, SHI) == ["always"]


def test_edits_extensions_of_the_horizon_and_plans_leave_events_standing(eventful: House) -> None:
    key = by_hand(eventful, "2026-03-02", "2026-03-02 10:00")
    with store.reading(eventful.engine) as session:
        assert not propose(session, found(EVENTFUL), at("2026-03-02 11:00"), BASE).any
    eventful.edit(found(EVENTFUL.replace("报送工作方案", "报工作方案")), "2026-03-02 12:00")
    assert eventful.row(key)["status"] == "open"
    assert horizon(date(2026, 3, 2)) == date(2028, 12, 31)


def look(house: House, when: str, written: str, **people: str) -> int:
    """Look at a list of contacts that was last written at an instant."""
    world = replace(house.world, contacts=People(**people), contacts_at=at(written))
    return watching.contacts(house.engine, at(when), world)


def test_a_change_of_contacts_starts_its_duty_once(eventful: House) -> None:
    first = "2026-03-01 09:00"
    assert look(eventful, "2026-03-02 09:00", first, shi="a@x.cn", da="d@x.cn") == 0
    assert look(eventful, "2026-03-02 09:01", first, shi="a@x.cn", da="d@x.cn") == 0
    second = "2026-03-03 08:00"
    assert look(eventful, "2026-03-03 09:00", second, shi="b@x.cn", da="d@x.cn") == 1
    # Another process with the same file, and one whose file is still the old one.
    assert look(eventful, "2026-03-03 09:00", second, shi="b@x.cn", da="d@x.cn") == 0
    assert look(eventful, "2026-03-03 09:01", first, shi="a@x.cn", da="d@x.cn") == 0
    assert look(eventful, "2026-03-04 09:01", first, shi="a@x.cn", da="d@x.cn") == 0
    assert look(eventful, "2026-03-04 09:02", second, shi="b@x.cn", da="d@x.cn") == 0
    assert keys(eventful, SHI) == ["2026-03-03", "always"]
    # Back again is a change again; so is a hospital's, which reports through its city.
    assert look(eventful, "2026-03-05 09:00", "2026-03-05 08:00", shi="a@x.cn", da="d@x.cn") == 1
    assert look(eventful, "2026-03-06 09:00", "2026-03-06 08:00", shi="a@x.cn", da="e@x.cn") == 1
    assert keys(eventful, SHI) == ["2026-03-03", "2026-03-05", "2026-03-06", "always"]
    # Who is there for the first time has changed nothing; who is gone has.
    third = "2026-03-09 08:00"
    assert look(eventful, "2026-03-09 09:00", third, shi="a@x.cn", da="e@x.cn", xiao="x@x.cn") == 0
    assert look(eventful, "2026-03-10 09:00", "2026-03-10 08:00", shi="a@x.cn", xiao="x@x.cn") == 1


def test_an_agreement_that_changes_starts_its_duty(eventful: House) -> None:
    def hand_in(when: str, kind: str, text: str | None, **more: str) -> None:
        with store.writing(eventful.engine) as session:
            said = Statement(PLAN, kind, evidence=text, **more)
            record(session, said, at(when), "测试", eventful.world)

    prefix = "pair-2025/agreement-changes/da.xiao/"
    hand_in("2026-03-02 10:00", "completed", "https://x.example/1.pdf")
    hand_in("2026-03-03 10:00", "completed", "https://x.example/1.pdf")
    hand_in("2026-03-04 10:00", "completed", None)
    assert keys(eventful, prefix) == ["always"]
    hand_in("2026-03-05 10:00", "completed", "https://x.example/2.pdf")
    assert keys(eventful, prefix) == ["2026-03-05", "always"]
    assert eventful.row(f"{prefix}2026-03-05")["due"] == date(2026, 3, 19)
    # Once more the same, or the first one again: nothing that was not on file before.
    hand_in("2026-03-06 10:00", "completed", "https://x.example/2.pdf")
    hand_in("2026-03-06 10:01", "completed", "https://x.example/1.pdf")
    hand_in("2026-03-06 10:02", "completed", "https://x.example/3.pdf")
    assert keys(eventful, prefix) == ["2026-03-05", "2026-03-06", "always"]


def hand_in(house: House, when: str, kind: str, text: str | None = None, **more: Any) -> None:
    with store.writing(house.engine) as session:
        said = Statement(PLAN, kind, evidence=text, **more)
        record(session, said, at(when), "测试", replace(house.world, contacts=Receivers()))


def answered(house: House) -> dict[str, str]:
    prefix = "pair-2025/agreement-changes/da.xiao/"
    with store.reading(house.engine) as session:
        held = queries.statuses(session, queries.keys_under(session, prefix))
    return {key.removeprefix(prefix): held[key] for key in sorted(held) if "always" not in key}


def test_a_correction_starts_nothing_and_takes_back_what_was_no_change(eventful: House) -> None:
    hand_in(eventful, "2026-03-02 10:00", "completed", "a.pdf")
    hand_in(eventful, "2026-03-03 10:00", "corrected", "c.pdf", reason="交错了文件")
    hand_in(eventful, "2026-03-04 10:00", "completed", "b.pdf")
    assert answered(eventful) == {}  # b was the agreement all the time
    hand_in(eventful, "2026-03-05 10:00", "completed", "d.pdf")
    assert answered(eventful) == {"2026-03-05": "open"}
    hand_in(eventful, "2026-03-05 11:00", "corrected", reason="交错了文件")
    assert answered(eventful) == {"2026-03-05": "cancelled"}
    hand_in(eventful, "2026-03-05 12:00", "completed", "e.pdf")
    assert answered(eventful) == {"2026-03-05": "cancelled", "2026-03-05-2": "open"}
    with store.writing(eventful.engine) as session:
        key = "pair-2025/agreement-changes/da.xiao/2026-03-05-2"
        record(session, Statement(key, "completed"), at("2026-03-06 10:00"), "测试", eventful.world)
    hand_in(eventful, "2026-03-06 11:00", "corrected", reason="还是错了")
    assert answered(eventful)["2026-03-05-2"] == "completed"  # what is done stays done
    with store.reading(eventful.engine) as session:
        rows = session.execute(EVENTS.select()).all()
    assert len(rows) == 2  # withdrawn, never deleted
    assert all(row.withdrawn_at and row.reason for row in rows)


def test_a_file_where_there_were_only_words_is_no_change(eventful: House) -> None:
    files = []
    with store.writing(eventful.engine) as session:
        for body in (b"%PDF-1", b"%PDF-2"):
            now = at("2026-03-02 09:00")
            files.append(evidence.store(session, "协议.pdf", body, now, "测试"))
    for minute, mention in enumerate(("OA 收文", files[0], "https://x.example/1", "OA 收文")):
        hand_in(eventful, f"2026-03-02 10:0{minute}", "completed", mention)
    assert answered(eventful) == {}
    hand_in(eventful, "2026-03-03 10:00", "completed", files[1])
    assert answered(eventful) == {"2026-03-03": "open"}


def test_evidence_that_comes_later_or_after_a_return_is_no_change(eventful: House) -> None:
    hand_in(eventful, "2026-03-02 10:00", "submitted", "a.pdf")
    hand_in(eventful, "2026-03-03 10:00", "submitted", "b.pdf")
    hand_in(eventful, "2026-03-04 10:00", "returned", reason="没有盖章")
    hand_in(eventful, "2026-03-05 10:00", "submitted", "c.pdf")
    hand_in(eventful, "2026-03-06 10:00", "accepted")
    hand_in(eventful, "2026-03-09 10:00", "returned", reason="缺一页")
    hand_in(eventful, "2026-03-10 10:00", "completed")
    hand_in(eventful, "2026-03-11 10:00", "completed", "d.pdf")
    assert answered(eventful) == {}
    hand_in(eventful, "2026-03-12 10:00", "completed", "e.pdf")
    assert answered(eventful) == {"2026-03-12": "open"}


def test_the_same_file_again_is_no_new_agreement(eventful: House) -> None:
    for when in ("2026-03-02 10:00", "2026-03-03 10:00"):
        with store.writing(eventful.engine) as session:
            mention = evidence.store(session, "协议.pdf", b"%PDF-1", at(when), "测试")
            said = Statement(PLAN, "completed", evidence=mention)
            record(session, said, at(when), "测试", eventful.world)
    assert keys(eventful, "pair-2025/agreement-changes/da.xiao/") == ["always"]


def test_an_edit_of_pairings_starts_its_duty_and_nothing_else_does(eventful: House) -> None:
    prefix = "pair-2025/relation-changes/shi/"
    assert keys(eventful, prefix) == ["always"]
    eventful.edit(found(EVENTFUL.replace("报送工作方案", "报工作方案")), "2026-03-02 10:00")
    assert keys(eventful, prefix) == ["always"]
    more = TABLES | {"pairings.csv": TABLES["pairings.csv"] + "da.xiao2,da,xiao2,附件第2行,,,,,\n"}
    eventful.edit(found(EVENTFUL, more), "2026-03-03 10:00")
    assert keys(eventful, prefix) == ["2026-03-03", "always"]
    one = decode(str(eventful.row(f"{prefix}2026-03-03")["body"]))
    assert "新增甲市人民医院—丙县人民医院" in (one.summary or "")
    eventful.edit(found(EVENTFUL), "2026-03-04 10:00")
    assert keys(eventful, prefix) == ["2026-03-03", "2026-03-04", "always"]
    with store.reading(eventful.engine) as session:
        assert len(session.execute(EVENTS.select()).all()) == 2


def test_what_happened_is_known_by_its_origin(eventful: House) -> None:
    def happened(when: datetime) -> int:
        with store.writing(eventful.engine) as session:
            return happenings.happened(
                session, "pair-2025", "pairing", ["da.xiao"], when.date(), "变更", "seen:1", when,
                eventful.world, "测试",
            )  # fmt: skip

    now = at("2026-03-02 10:00")
    assert [happened(now), happened(now), happened(now + timedelta(days=1))] == [1, 0, 0]
