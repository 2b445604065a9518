"""The ladder, by dates worked out by hand from the calendar of 2019 and 2020."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.hours import next_opening, sending
from scheduler.ladder import decide, fitted, next_notice, steps
from scheduler.occurrences import Occurrence, occurrences
from scheduler.parties import Party
from tests.scheduler.house import BASE, WORKDAYS, ZONE, at, loaded

RUNGS = (
    ("before-14d", "responsible"),
    ("before-2wd", "responsible"),
    ("after-1wd", "responsible"),
    ("after-5wd", "coordinator"),
    ("after-10wd", "issuer"),
)


def occurrence(due: str, **fields: object) -> Occurrence:
    files = loaded()
    pattern = next(
        one
        for one in occurrences(
            files.documents["pair-2025"], files.rosters["pair-2025"], WORKDAYS, date.min,
            date(2026, 12, 31),
        )
        if one.obligation == "plan"
    )  # fmt: skip
    day = date.fromisoformat(due)
    return replace(pattern, due=day, binds_by=day, rungs=RUNGS, **fields)  # type: ignore[arg-type]


def ladder(due: str, **fields: object) -> dict[str, str]:
    found = steps(occurrence(due, **fields), WORKDAYS, ZONE)
    return {step.rung: step.at.isoformat(sep=" ", timespec="minutes")[:16] for step in found}


def test_due_on_a_friday() -> None:
    # 2019-09-06 is 14 days before. Off from 10-01 to 10-07, but Sunday 09-29 is worked: the tenth
    # working day after is 10-10.
    assert ladder("2019-09-20") == {
        "before-14d": "2019-09-06 09:00",
        "before-2wd": "2019-09-18 09:00",
        "after-1wd": "2019-09-23 09:00",
        "after-5wd": "2019-09-27 09:00",
        "after-10wd": "2019-10-10 09:00",
    }


def test_due_on_a_sunday_binds_on_friday() -> None:
    # 2019-11-10 is a Sunday: people work to Friday 11-08; after counts from the legal date.
    assert ladder("2019-11-10") == {
        "before-14d": "2019-10-25 09:00",
        "before-2wd": "2019-11-06 09:00",
        "after-1wd": "2019-11-11 09:00",
        "after-5wd": "2019-11-15 09:00",
        "after-10wd": "2019-11-22 09:00",
    }


def test_spring_festival_prolonged_in_2020() -> None:
    # Off from 2020-01-24 to 02-02 (prolonged); 01-19 was a worked Sunday.
    found = ladder("2020-01-31")
    assert found["before-2wd"] == "2020-01-21 09:00"  # binds on Thursday 01-23
    assert found["before-14d"] == "2020-01-09 09:00"
    assert found["after-1wd"] == "2020-02-03 09:00"


def test_rung_on_a_day_off_moves_back() -> None:
    # 14 days before Friday 2019-10-18 is Friday 10-04, within National Day: back to Monday 09-30.
    assert ladder("2019-10-18")["before-14d"] == "2019-09-30 09:00"


def test_what_another_duty_needs_earlier_moves_the_rungs_before_only() -> None:
    found = ladder("2019-09-20", **{})
    earlier = steps(
        replace(occurrence("2019-09-20"), binds_by=date(2019, 9, 10)), WORKDAYS, ZONE
    )
    by_name = {step.rung: step.at.date() for step in earlier}
    assert by_name["before-2wd"] == date(2019, 9, 6)
    assert by_name["before-14d"] == date(2019, 8, 27)
    assert by_name["after-1wd"].isoformat() == found["after-1wd"][:10]


def test_calendar_days_after_never_land_on_the_due_date() -> None:
    one = replace(occurrence("2019-09-20"), rungs=(("after-1d", "responsible"),))
    assert steps(one, WORKDAYS, ZONE)[0].at.date() == date(2019, 9, 23)


def test_statutory_are_the_last_before_and_all_after() -> None:
    classes = {step.rung: step.statutory for step in steps(occurrence("2019-09-20"), WORKDAYS, ZONE)}
    assert classes == {
        "before-14d": False,
        "before-2wd": True,
        "after-1wd": True,
        "after-5wd": True,
        "after-10wd": True,
    }


@pytest.mark.parametrize("kind", ["quota", "rotation", "target", "window", "standing"])
def test_these_kinds_have_no_ladder(kind: str) -> None:
    assert steps(occurrence("2019-09-20", kind=kind), WORKDAYS, ZONE) == ()


def test_pre_issue_unresolved_and_dateless_have_no_ladder() -> None:
    assert steps(occurrence("2019-09-20", phase="pre-issue"), WORKDAYS, ZONE) == ()
    nobody = occurrence("2019-09-20", responsible=Party(None, "有关单位"))
    assert steps(nobody, WORKDAYS, ZONE) == ()
    assert steps(replace(occurrence("2019-09-20"), due=None), WORKDAYS, ZONE) == ()


def test_a_rung_longer_than_the_interval_is_left_out() -> None:
    first = occurrence("2019-09-10", key="d/o/s/a")
    second = occurrence("2019-09-20", key="d/o/s/b")
    other = occurrence("2019-09-20", key="d/o/t/b")
    kept = {one.key: [name for name, _ in one.rungs] for one in fitted([first, second, other])}
    assert kept["d/o/s/a"][0] == "before-14d"
    assert kept["d/o/s/b"] == ["before-2wd", "after-1wd", "after-5wd", "after-10wd"]
    assert kept["d/o/t/b"][0] == "before-14d"


def test_interval_as_long_as_the_rung_keeps_it() -> None:
    pair = [occurrence("2019-09-06", key="d/o/s/a"), occurrence("2019-09-20", key="d/o/s/b")]
    assert dict(fitted(pair)[1].rungs)["before-14d"] == "responsible"


def test_missed_rungs_collapse_into_the_highest_due() -> None:
    found = steps(occurrence("2019-09-20"), WORKDAYS, ZONE)
    decision = decide(found, {}, at("2019-09-27 09:00"), ZONE)
    assert decision.step is not None
    assert decision.step.rung == "after-5wd"
    assert [step.rung for step in decision.skipped] == ["before-14d", "before-2wd", "after-1wd"]
    assert decision.next_at == at("2019-10-10 09:00")


def test_a_rung_before_goes_until_the_last_day_and_not_after() -> None:
    found = steps(occurrence("2019-09-21"), WORKDAYS, ZONE)  # a Saturday
    on_the_day = decide(found, {}, at("2019-09-20 17:59"), ZONE)
    assert on_the_day.step is not None
    assert on_the_day.step.rung == "before-2wd"
    late = decide(found, {}, at("2019-09-22 09:00"), ZONE)
    assert late.step is None
    assert late.next_at == at("2019-09-23 09:00")


def test_what_becomes_due_outside_the_hours_waits_for_the_next_working_day() -> None:
    assert sending(at("2019-09-20 18:00"), ZONE, WORKDAYS) == at("2019-09-23 09:00")
    assert sending(at("2019-09-20 17:59"), ZONE, WORKDAYS) == at("2019-09-20 17:59")
    assert sending(at("2019-09-20 08:59"), ZONE, WORKDAYS) == at("2019-09-20 09:00")
    assert sending(at("2019-09-29 10:00"), ZONE, WORKDAYS) == at("2019-09-29 10:00")  # worked Sunday
    assert sending(at("2019-10-01 10:00"), ZONE, WORKDAYS) == at("2019-10-08 09:00")
    assert next_opening(at("2019-09-30 10:00"), ZONE, WORKDAYS) == at("2019-10-08 09:00")


def test_renamed_rungs_do_not_repeat_what_was_sent() -> None:
    one = replace(occurrence("2019-09-20"), rungs=(("before-15d", "responsible"), *RUNGS[1:]))
    found = steps(one, WORKDAYS, ZONE)
    decision = decide(found, {"before-14d": at("2019-09-06 09:00")}, at("2019-09-09 09:00"), ZONE)
    assert decision.step is None
    assert decision.next_at == at("2019-09-18 09:00")


def test_silence_lasts_through_its_last_day() -> None:
    found = steps(occurrence("2019-09-20"), WORKDAYS, ZONE)
    quiet = date(2019, 9, 27)  # a Friday; the Sunday after it is worked
    woken = next_notice(found, {}, at("2019-09-21 09:00"), ZONE, WORKDAYS, quiet)
    assert woken == at("2019-09-29 09:00")


dues = st.dates(date(2018, 1, 1), date(2026, 11, 30))
rung_sets = st.lists(
    st.sampled_from(
        [("before-30d", "responsible"), ("before-7d", "responsible"), ("before-5wd", "responsible"),
         ("after-3d", "responsible"), ("after-20wd", "issuer"), *RUNGS]
    ),
    min_size=1, unique=True,
).map(tuple)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(due=dues, rungs=rung_sets, ahead=st.integers(0, 40))
def test_rungs_keep_to_working_days_and_their_side(
    due: date, rungs: tuple[tuple[str, str], ...], ahead: int
) -> None:
    binds_by = due - timedelta(days=ahead)
    one = replace(occurrence(due.isoformat()), rungs=rungs, binds_by=binds_by)
    found = steps(one, WORKDAYS, ZONE)
    assert sorted(step.rung for step in found) == sorted(name for name, _ in rungs)
    assert [step.at for step in found] == sorted(step.at for step in found)
    for step in found:
        day = step.at.date()
        assert WORKDAYS.is_workday(day)
        assert (step.at.hour, step.at.minute) == (9, 0)
        if step.rung.startswith("before"):
            assert day <= WORKDAYS.on_or_before(binds_by)
        else:
            assert day > due


@settings(max_examples=100, deadline=None)
@given(
    due=dues,
    start=st.integers(-40, 20),
    pauses=st.lists(st.integers(1, 30 * 24), min_size=1, max_size=25),
)
def test_each_rung_once_and_climbing_whatever_the_pauses(
    due: date, start: int, pauses: list[int]
) -> None:
    found = steps(occurrence(due.isoformat()), WORKDAYS, ZONE)
    names = [step.rung for step in found]
    now = datetime(due.year, due.month, due.day, 8, 30, tzinfo=ZONE) + timedelta(days=start)
    planned: dict[str, datetime] = {}
    fired: list[str] = []
    for pause in [*pauses, 24 * 60, 1]:
        instant = sending(now, ZONE, WORKDAYS)
        expected = next_notice(found, planned, now, ZONE, WORKDAYS)
        decision = decide(found, planned, instant, ZONE)
        if decision.step:
            assert expected == instant
            assert decision.step.at <= instant
            if decision.step.rung.startswith("before"):
                assert instant.date() <= due
            planned[decision.step.rung] = instant
            fired.append(decision.step.rung)
        else:
            assert expected == decision.next_at
        now = instant + timedelta(hours=pause)
    assert fired == sorted(set(fired), key=names.index)
    assert fired[-1:] == names[-1:] or now.date() < due + timedelta(days=30)


def test_the_world_of_these_tests_counts_in_shanghai() -> None:
    assert str(BASE.timezone) == "Asia/Shanghai"
