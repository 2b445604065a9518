from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import NamedTuple

from sqlmodel import Session

from scheduler import projection, queries, store
from scheduler.queries import NOBODY
from scheduler.tick import tick
from tests.scheduler.house import BASE, JUNE, PLAN, House, at, days, run, with_contacts


class Person(NamedTuple):
    office: str
    email: str


class Reachable:
    """Contacts given as {(institution, role): addresses}."""

    def __init__(self, held: dict[tuple[str, str], list[str]]) -> None:
        self.held = held

    def holders(self, institution: str, role: str, on: date) -> list[Person]:
        return [Person("办公室", email) for email in self.held.get((institution, role), [])]


CLIMB = [
    ("before-14d", date(2026, 3, 6)),
    ("before-2wd", date(2026, 3, 18)),
    ("after-1wd", date(2026, 3, 23)),
    ("after-5wd", date(2026, 3, 27)),
    ("after-10wd", date(2026, 4, 3)),
]


def test_the_whole_ladder_on_its_days(house: House) -> None:
    run(house, days("2026-01-09", "2026-06-30"))
    assert house.rungs(PLAN) == CLIMB


def test_each_rung_goes_to_its_target(house: House) -> None:
    run(house, days("2026-03-01", "2026-04-30"))
    to = {(n.rung, n.recipient) for n in house.notices(PLAN)}
    assert to == {
        ("before-14d", "liaison@da.example"),
        ("before-14d", "liaison@xiao.example"),
        ("before-2wd", "liaison@da.example"),
        ("before-2wd", "liaison@xiao.example"),
        ("after-1wd", "liaison@da.example"),
        ("after-1wd", "liaison@xiao.example"),
        ("after-5wd", "coordinator@shi.example"),
        ("after-10wd", "coordinator@ju.example"),
    }


def test_an_authority_is_escalated_to_its_own_coordinator(house: House) -> None:
    run(house, days("2026-06-01", "2026-07-31"))
    to = {n.rung: n.recipient for n in house.notices(JUNE)}
    assert to["after-1wd"] == "liaison@shi.example"
    assert to["after-5wd"] == "coordinator@shi.example"
    assert to["after-10wd"] == "coordinator@ju.example"


def test_ticking_twice_plans_nothing_twice(house: House) -> None:
    first = house.tick("2026-03-06 09:00")
    second = house.tick("2026-03-06 09:01")
    assert (first.planned, second.looked_at) == (2, 0)


def test_outside_the_hours_it_waits_for_the_next_working_day(house: House) -> None:
    house.tick("2026-03-06 18:00")  # a Friday
    assert house.notices(PLAN) == []
    assert house.row(PLAN)["next_notice_at"] == at("2026-03-09 09:00")
    house.tick("2026-03-09 09:00")
    assert house.rungs(PLAN) == [("before-14d", date(2026, 3, 9))]


def test_downtime_collapses_and_the_log_says_what_was_skipped(house: House) -> None:
    house.tick("2026-03-06 09:00")
    house.tick("2026-03-30 11:00")
    assert house.rungs(PLAN)[-1] == ("after-5wd", date(2026, 3, 30))
    with store.reading(house.engine) as session:
        rows = session.execute(
            queries.AUDIT.select().where(queries.AUDIT.c.action == "skipped")
        ).all()
    assert [(row.about, row.detail.split("（")[0]) for row in rows] == [
        (PLAN, "before-2wd"),
        (PLAN, "after-1wd"),
    ]


def test_downtime_of_any_length_never_repeats_nor_loses_the_highest(tmp_path: Path) -> None:
    names = [rung for rung, _ in CLIMB]
    for length in range(1, 31):
        folder = tmp_path / str(length)
        folder.mkdir()
        house = House(folder, "2026-01-09 10:00")
        down = set(days("2026-03-10", "2026-05-31")[:length])
        run(house, [d for d in days("2026-03-01", "2026-04-30") if d not in down])
        fired = [rung for rung, _ in house.rungs(PLAN)]
        assert fired == sorted(set(fired), key=names.index)
        assert fired[0] == "before-14d"
        assert fired[-1] == "after-10wd"
        up = max(down)
        expected = [rung for rung, day in CLIMB if not (date(2026, 3, 10) <= day <= up)]
        assert set(expected) <= set(fired)


def test_what_was_due_before_adoption_is_never_spoken_of(tmp_path: Path) -> None:
    house = House(tmp_path, "2026-03-21 00:00")
    run(house, days("2026-03-21", "2026-05-31"))
    assert house.notices(PLAN) == []
    assert house.row(PLAN)["status"] == "history"


def test_adoption_sends_a_missed_rung_of_a_coming_deadline_once(tmp_path: Path) -> None:
    house = House(tmp_path, "2026-03-13 19:00")  # a Friday evening, after the first rung's day
    assert house.row(PLAN)["next_notice_at"] == at("2026-03-16 09:00")
    run(house, days("2026-03-13", "2026-03-20"))
    assert house.rungs(PLAN) == [
        ("before-14d", date(2026, 3, 16)),
        ("before-2wd", date(2026, 3, 18)),
    ]


def test_adoption_on_the_last_day_still_reminds(tmp_path: Path) -> None:
    house = House(tmp_path, "2026-03-20 08:00")
    run(house, days("2026-03-20", "2026-03-20"))
    assert house.rungs(PLAN) == [("before-2wd", date(2026, 3, 20))]


def test_duties_without_a_ladder_wait_for_nothing(house: House) -> None:
    with store.reading(house.engine) as session:
        waiting = queries.scheduled(session)
    assert {key.split("/")[1] for key in waiting} == {"plan", "progress"}
    assert house.row("pair-2025/unknown/all/once")["status"] == "open"


def test_nobody_holds_a_role(tmp_path: Path) -> None:
    people = Reachable({("shi", "coordinator"): ["shi@example.org"]})
    house = House(tmp_path, "2026-01-09 10:00", with_contacts(BASE, people))
    run(house, days("2026-03-06", "2026-04-03"))
    first, *_, last = house.notices(PLAN)
    assert (first.recipient, first.institution, first.role) == (
        "shi@example.org", "shi", "coordinator",
    )  # fmt: skip
    assert first.note == "甲市人民医院没有登记联络员，改送上级协调员"
    assert len([n for n in house.notices(PLAN) if n.rung == "before-14d"]) == 1
    assert (last.rung, last.recipient, last.reason) == ("after-10wd", "", NOBODY)


def test_whoever_comes_to_hold_a_role_is_still_told(tmp_path: Path) -> None:
    held: dict[tuple[str, str], list[str]] = {}
    house = House(tmp_path, "2026-01-09 10:00", with_contacts(BASE, Reachable(held)))
    run(house, days("2026-03-06", "2026-03-10"))
    assert [(n.rung, n.reason) for n in house.notices(PLAN)] == [("before-14d", NOBODY)]
    held["da", "liaison"] = ["da@example.org"]
    held["xiao", "liaison"] = ["xiao@example.org"]
    run(house, days("2026-03-11", "2026-03-17"))
    assert [(n.recipient, n.rung, n.reason) for n in house.notices(PLAN)] == [
        ("", "before-14d", "当时无人可送，后来已改送"),
        ("da@example.org", "before-14d", None),
        ("xiao@example.org", "before-14d", None),
    ]
    run(house, days("2026-03-18", "2026-03-18"))
    assert [n.rung for n in house.notices(PLAN)][3:] == ["before-2wd", "before-2wd"]


def test_all_holders_of_a_role_are_written_to_and_each_address_once(tmp_path: Path) -> None:
    people = Reachable(
        {("da", "liaison"): ["a@example.org", "b@example.org"],
         ("xiao", "liaison"): ["b@example.org"]}
    )  # fmt: skip
    house = House(tmp_path, "2026-01-09 10:00", with_contacts(BASE, people))
    house.tick("2026-03-06 09:00")
    assert [n.recipient for n in house.notices(PLAN)] == ["a@example.org", "b@example.org"]


def test_a_crash_between_steps_loses_and_doubles_nothing(house: House) -> None:
    world = house.world
    with Session(house.engine) as session:
        real = session.commit

        def crash() -> None:
            session.rollback()
            raise KeyboardInterrupt

        session.commit = crash  # type: ignore[method-assign]
        try:
            tick(session, at("2026-03-06 09:00"), world)
        except KeyboardInterrupt:
            session.commit = real  # type: ignore[method-assign]
    assert house.notices() == []
    house.tick("2026-03-06 09:05")
    assert len(house.notices(PLAN)) == 2


def test_a_notice_that_is_there_already_is_left_alone(house: House) -> None:
    """The store was restored between the notice and the occurrence: the unique key decides."""
    house.tick("2026-03-06 09:00")
    with store.writing(house.engine) as session:
        projection.set_standing(
            session,
            [{"key": PLAN, "status": "open", "next_notice_at": at("2026-03-06 09:00")}],
        )
    report = house.tick("2026-03-06 09:30")
    assert (report.looked_at, report.planned) == (1, 0)
    assert len(house.notices(PLAN)) == 2
    assert house.row(PLAN)["next_notice_at"] == at("2026-03-18 09:00")


def test_what_changed_meanwhile_is_not_overwritten(house: House) -> None:
    with store.writing(house.engine) as session:
        stale = {"k": PLAN, "was": at("2020-01-01 09:00"), "status": "open"}
        projection.move_on(session, [stale | {"next_notice_at": None}])
    assert house.row(PLAN)["next_notice_at"] == at("2026-03-06 09:00")


def test_only_the_last_before_and_those_after_are_statutory(house: House) -> None:
    run(house, days("2026-03-01", "2026-04-30"))
    classes = {n.rung: n.statutory for n in house.notices(PLAN)}
    assert [rung for rung, statutory in classes.items() if not statutory] == ["before-14d"]


def test_an_hour_before_the_end_of_the_utc_day_is_the_next_day_here(house: House) -> None:
    from datetime import datetime

    assert house.tick(datetime.fromisoformat("2026-03-06T00:59:59+00:00")).planned == 0
    assert house.tick(datetime.fromisoformat("2026-03-06T01:00:00+00:00")).planned == 2
