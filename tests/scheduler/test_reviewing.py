"""Whoever receives a report is told that it waits, and that more time is asked for; once each."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from config.contacts import Contact, Contacts
from scheduler import reviewing, store
from scheduler.addressing import receivers
from scheduler.ladder import ASKED, SUBMITTED
from scheduler.occurrences import occurrences
from scheduler.parties import Party
from scheduler.recording import Statement, record
from scheduler.world import World
from tests.scheduler.house import (
    JUNE,
    PLAN,
    TABLES,
    WORKDAYS,
    WORKFLOW,
    ZONE,
    House,
    at,
    found,
    loaded,
)

KNOWN = {
    "ju coordinator": Contact("ju", "coordinator", "办公室", "b@ju.example"),
    "ju liaison": Contact("ju", "liaison", "医政处", "y@ju.example"),
    "chu liaison": Contact("chu", "liaison", "", "c@ju.example"),
}


def world(*names: str, placeholders: bool = False) -> World:
    held = {(n.split()[0], n.split()[1]): (KNOWN[n],) for n in names}
    return World({}, {}, WORKDAYS, placeholders=placeholders, contacts=Contacts((), held))


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Give a house whose bureau has a coordinator and a liaison, and nobody else anybody."""
    return House(tmp_path, "2026-01-09 10:00", world("ju coordinator", "ju liaison"))


def say(house: House, when: str, kind: str, **more: object) -> None:
    with store.writing(house.engine) as session:
        record(session, Statement(PLAN, kind, **more), at(when), "测试", house.world)  # type: ignore[arg-type]


def ask(house: House, when: str, until: date, reason: str = "人手不足") -> None:
    with store.writing(house.engine) as session:
        reviewing.asked(session, PLAN, until, reason, at(when), house.world)


def told(house: House, rung: str = SUBMITTED) -> list[tuple[str, int, str | None]]:
    return [(n.recipient, n.move, n.reason) for n in house.notices(PLAN) if n.rung == rung]


def test_a_report_that_waits_is_told_in_the_next_sending_hours(house: House) -> None:
    say(house, "2026-03-06 18:30", "submitted", on=date(2026, 3, 5), reason="一式两份")
    (notice,) = [n for n in house.notices(PLAN) if n.rung == SUBMITTED]
    assert (notice.recipient, notice.institution, notice.role) == ("b@ju.example", "ju", "coordinator")
    assert notice.release_at.astimezone(ZONE) == at("2026-03-09 09:00")
    assert not notice.statutory
    assert notice.due == date(2026, 3, 20)
    assert notice.note == "报送日期 2026-03-05；说明：一式两份"


def test_nobody_is_told_of_what_counts_as_done_at_once(tmp_path: Path) -> None:
    house = House(tmp_path, "2026-01-09 10:00", world())
    say(house, "2026-03-06 10:00", "submitted")
    ask(house, "2026-03-06 10:00", date(2026, 4, 1))
    assert house.row(PLAN)["status"] == "completed"
    assert house.notices(PLAN) == []


def test_a_second_report_while_one_waits_is_not_told_again(house: House) -> None:
    say(house, "2026-03-06 10:00", "submitted")
    say(house, "2026-03-06 10:05", "submitted", reason="补一页")
    assert told(house) == [("b@ju.example", 1, None)]


def test_what_is_reported_again_after_a_return_is_told_again(house: House) -> None:
    say(house, "2026-03-06 10:00", "submitted")
    house.send()
    say(house, "2026-03-09 10:00", "returned", reason="缺公章")
    say(house, "2026-03-10 10:00", "submitted")
    assert told(house) == [("b@ju.example", 1, None), ("b@ju.example", 2, None)]
    say(house, "2026-03-10 10:05", "returned", reason="还缺")
    say(house, "2026-03-10 10:10", "submitted")
    assert [reason for _, _, reason in told(house)] == [None, reviewing.AGAIN, None]


def test_a_withdrawn_return_lets_the_report_wait_again(house: House) -> None:
    say(house, "2026-03-06 10:00", "submitted")
    house.send()
    say(house, "2026-03-09 10:00", "returned", reason="看错了")
    say(house, "2026-03-09 10:05", "corrected", reason="看错了")
    assert len(told(house)) == 2
    assert [n.note for n in house.notices(PLAN) if n.move == 2] == ["报送日期 2026-03-06"]


def test_a_newer_wish_takes_the_place_of_one_that_nobody_was_told(house: House) -> None:
    ask(house, "2026-03-06 10:00", date(2026, 4, 1))
    ask(house, "2026-03-06 11:00", date(2026, 4, 10), "换了系统")
    assert told(house, ASKED) == [
        ("b@ju.example", 1, reviewing.AGAIN), ("b@ju.example", 2, None),
    ]  # fmt: skip
    assert house.notices(PLAN)[-1].note == "想延到 2026-04-10；理由：换了系统"


def test_the_ladder_goes_on_as_if_nobody_had_been_told(house: House) -> None:
    ask(house, "2026-03-05 10:00", date(2026, 4, 1))
    house.tick("2026-03-06 09:00")
    house.tick("2026-03-18 09:00")
    rungs = [rung for rung, _ in house.rungs(PLAN) if rung != ASKED]
    assert rungs == ["before-14d", "before-2wd"]


def test_an_edit_of_the_date_leaves_it_standing(house: House) -> None:
    ask(house, "2026-03-06 10:00", date(2026, 4, 10))
    house.send()
    ask(house, "2026-03-06 11:00", date(2026, 4, 11))
    house.edit(found(WORKFLOW.replace("on: 2026-03-20", "on: 2026-03-27")), "2026-03-06 12:00")
    assert told(house, ASKED)[1] == ("b@ju.example", 2, None)
    assert [n.rung for n in house.notices(PLAN) if n.rung == "changed"] == []


def test_who_receives_is_the_coordinator_or_else_the_liaison_or_the_body_above() -> None:
    tables = TABLES | {
        "institutions.csv": TABLES["institutions.csv"] + "chu,医政处,office,,,,,,,ju,,,,\n"
    }
    text = loaded(WORKFLOW, tables)
    document, roster = text.documents["pair-2025"], text.rosters["pair-2025"]
    all_ = occurrences(document, roster, WORKDAYS, date(2026, 1, 1), date(2026, 12, 31))
    one = next(one for one in all_ if one.key == JUNE)
    desk = replace(one, recipients=(Party("chu", "医政处"),))
    both = replace(one, recipients=(*one.recipients, *desk.recipients, Party(None, "有关单位")))

    def to(occurrence: object, *names: str, placeholders: bool = False) -> list[str]:
        known = replace(
            world(*names, placeholders=placeholders),
            documents=text.documents, rosters=text.rosters,
        )  # fmt: skip
        found_ = receivers(occurrence, known, date(2026, 3, 6))  # type: ignore[arg-type]
        return [recipient.address for recipient in found_]

    assert to(one, "ju coordinator", "ju liaison") == ["b@ju.example"]
    assert to(one, "ju liaison") == ["y@ju.example"]
    assert to(desk, "ju coordinator", "chu liaison") == ["c@ju.example"]
    assert to(desk, "ju coordinator") == ["b@ju.example"]
    assert to(both, "ju coordinator") == ["b@ju.example"]
    assert to(one) == []
    assert to(one, placeholders=True) == ["coordinator@ju.example"]
    assert to(replace(one, recipients=()), placeholders=True) == []
