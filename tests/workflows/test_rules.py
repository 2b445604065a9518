"""Rules become periods: properties that hold for any rule, and the edges of the calendar."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.kinds import (
    DatedEntry,
    EventRule,
    FuzzyRule,
    OnceRule,
    QuotaRule,
    RecurringRule,
    RotationRule,
    StandingRule,
    TargetRule,
    WindowRule,
)
from workflows.library import bundled_workdays
from workflows.rules import Period, moved, periods, single, span

DAY = timedelta(days=1)
QUIET = settings(deadline=None, max_examples=150)
CALENDAR = ("week", "fortnight", "month", "two-months", "quarter", "half-year", "year")

days = st.dates(date(1990, 1, 1), date(2110, 12, 31))
later = st.integers(0, 1500).map(lambda count: timedelta(days=count))


def quota(per: str, **named: Any) -> QuotaRule:
    return QuotaRule.model_validate({"per": per, "unit": "次", "at_least": 1, **named})


@st.composite
def quotas(draw: st.DrawFn) -> tuple[QuotaRule, date, date | None, date]:
    """A quota rule, the days from which and until which its document holds, and a horizon."""
    binds = draw(days)
    from_ = draw(st.none() | later.map(lambda gap: binds - timedelta(days=400) + gap))
    until = draw(st.none() | later.map(lambda gap: (from_ or binds) + gap))
    ends = draw(st.none() | later.map(lambda gap: binds + gap))
    rule = quota(draw(st.sampled_from(CALENDAR)), **{"from": from_, "until": until})
    return rule, binds, ends, binds + draw(later)


def bounds(rule: QuotaRule, binds: date, ends: date | None, horizon: date) -> tuple[date, date]:
    """The first day that must be in a window, and the last of which it is certain."""
    first = max(binds, rule.from_ or binds)
    if rule.per == "fortnight":
        first = max(first, binds + (7 - binds.weekday()) * DAY)
    return first, min(day for day in (horizon, rule.until, ends) if day)


@QUIET
@given(quotas())
def test_every_day_of_validity_is_in_exactly_one_window(
    given_: tuple[QuotaRule, date, date | None, date],
) -> None:
    rule, binds, ends, horizon = given_
    found = list(periods(rule, binds, ends, horizon))
    first, last = bounds(*given_)
    for period in found:
        assert period.opens is not None
        assert period.opens <= period.due
        assert period.opens <= horizon
        assert period.opens >= first
        assert all(period.due <= end for end in (rule.until, ends) if end)
    for one, two in pairwise(found):
        assert two.opens == one.due + DAY
    if first <= last:
        assert found[0].opens == first
        assert found[-1].due >= last
    else:
        assert found == []


@QUIET
@given(quotas())
def test_labels_are_unique_and_only_a_cut_first_window_is_not_enforced(
    given_: tuple[QuotaRule, date, date | None, date],
) -> None:
    rule, binds, *_ = given_
    found = list(periods(*given_))
    assert max(Counter(period.label for period in found).values(), default=1) == 1
    assert all(period.enforced for period in found[1:])
    if rule.per == "year":
        assert all(period.enforced for period in found)
    elif found:
        opens = found[0].opens
        assert opens is not None
        starts = {
            "week": opens.weekday() == 0,
            "fortnight": (opens - binds - (7 - binds.weekday()) * DAY).days % 14 == 0,
            "month": opens.day == 1,
            "two-months": opens.day == 1 and opens.month % 2 == 1,
            "quarter": opens.day == 1 and opens.month % 3 == 1,
            "half-year": opens.day == 1 and opens.month in (1, 7),
        }
        assert found[0].enforced is starts[rule.per]


@QUIET
@given(quotas(), later)
def test_a_farther_horizon_only_adds(
    given_: tuple[QuotaRule, date, date | None, date], more: timedelta
) -> None:
    rule, binds, ends, horizon = given_
    near = list(periods(rule, binds, ends, horizon))
    far = list(periods(rule, binds, ends, horizon + more))
    assert far[: len(near)] == near
    assert all(period.opens is None or period.opens > horizon for period in far[len(near) :])


@pytest.mark.parametrize("year", [1999, 2000, 2015, 2020, 2026, 2099, 2100])
def test_a_whole_year_has_as_many_windows_as_the_calendar(year: int) -> None:
    counts = {"month": 12, "two-months": 6, "quarter": 4, "half-year": 2, "year": 1}
    new_year, last = date(year, 1, 1), date(year, 12, 31)
    for per, count in counts.items():
        found = list(periods(quota(per), new_year, last, last))
        assert len(found) == count
        assert all(period.enforced for period in found)
    weeks = [p.label for p in periods(quota("week"), new_year, last, last)]
    inside = [label for label in weeks if label.startswith(f"{year}-")]
    # 28 December is always in the last ISO week of its year.
    assert len(inside) in (
        date(year, 12, 28).isocalendar().week,
        date(year, 12, 28).isocalendar().week - 1,
    )
    assert weeks[1] == f"{year}-W{(new_year + 7 * DAY).isocalendar().week:02}"


def test_weeks_over_the_new_year_carry_the_iso_year() -> None:
    found = list(periods(quota("week"), date(2020, 12, 21), None, date(2021, 1, 11)))
    assert [(p.label, p.opens, p.due) for p in found] == [
        ("2020-W52", date(2020, 12, 21), date(2020, 12, 27)),
        ("2020-W53", date(2020, 12, 28), date(2021, 1, 3)),
        ("2021-W01", date(2021, 1, 4), date(2021, 1, 10)),
        ("2021-W02", date(2021, 1, 11), date(2021, 1, 17)),
    ]


def test_fortnights_count_from_the_first_monday_after_the_document_binds() -> None:
    thursday = date(2019, 7, 11)
    found = list(periods(quota("fortnight"), thursday, None, date(2019, 8, 15)))
    assert [(p.label, p.opens, p.due, p.enforced) for p in found] == [
        ("2019-W29-W30", date(2019, 7, 15), date(2019, 7, 28), True),
        ("2019-W31-W32", date(2019, 7, 29), date(2019, 8, 11), True),
        ("2019-W33-W34", date(2019, 8, 12), date(2019, 8, 25), True),
    ]
    monday = date(2019, 7, 15)
    assert (
        next(periods(quota("fortnight"), monday, None, monday + 30 * DAY)).opens == monday + 7 * DAY
    )


def test_fortnights_of_a_later_wording_keep_the_same_mondays() -> None:
    binds, since = date(2019, 7, 11), date(2020, 1, 1)
    first = list(periods(quota("fortnight"), binds, since - DAY, date(2020, 3, 1)))
    second = list(periods(quota("fortnight"), binds, None, date(2020, 3, 1), since))
    assert first[-1].due + DAY == second[0].opens == since
    assert not second[0].enforced
    assert all((p.opens or since).weekday() == 0 for p in second[1:])
    straight = {p.due for p in periods(quota("fortnight"), binds, None, date(2020, 3, 1))}
    assert {p.due for p in second} <= straight


def test_a_whole_span_is_one_window_and_needs_an_end() -> None:
    binds, ends = date(2019, 7, 11), date(2020, 12, 31)
    assert list(periods(quota("whole"), binds, ends, date(2019, 7, 11))) == [
        Period("whole", binds, ends)
    ]
    assert list(periods(quota("whole"), binds, ends, date(2019, 7, 10))) == []
    assert list(periods(quota("whole"), binds, None, date(2030, 1, 1))) == []
    earlier = quota("whole", until=date(2019, 1, 1))
    assert list(periods(earlier, binds, ends, date(2030, 1, 1))) == []


def test_duties_without_dates_have_no_periods() -> None:
    for rule in (
        EventRule(when="人员变动"),
        StandingRule(word="及时"),
    ):
        assert list(periods(rule, date(2019, 1, 1), None, date(2030, 1, 1))) == []


def test_what_is_owed_per_term_stands_once_a_year_and_is_not_enforced() -> None:
    found = list(periods(quota("shift"), date(2019, 7, 11), date(2020, 6, 30), date(2030, 1, 1)))
    assert [(p.label, p.opens, p.due) for p in found] == [
        ("2019", date(2019, 7, 11), date(2019, 12, 31)),
        ("2020", date(2020, 1, 1), date(2020, 6, 30)),
    ]
    assert not any(p.enforced for p in found)
    assert all(p.note and "驻点期" in p.note for p in found)


def test_a_rolled_day_says_which_day_it_was() -> None:
    day = date(2026, 5, 2)  # a holiday
    period = Period("once", None, day)
    later = moved(period, OnceRule(on=day, roll="forward"), bundled_workdays(), strict=False)
    assert (later.due, later.note) == (date(2026, 5, 6), "原定5月2日，遇休息日顺延")
    before = moved(period, OnceRule(on=day, roll="back"), bundled_workdays(), strict=False)
    assert (before.due, before.note) == (date(2026, 4, 30), "原定5月2日，遇休息日提前")


def test_a_rotation_is_told_once_a_year_from_the_day_the_document_binds() -> None:
    rule = RotationRule(term_of="batch", min_months=6)
    found = list(periods(rule, date(2019, 7, 11), date(2021, 6, 30), date(2030, 1, 1)))
    assert [(p.label, p.opens, p.due, p.enforced) for p in found] == [
        ("2019", date(2019, 7, 11), date(2019, 12, 31), True),
        ("2020", date(2020, 1, 1), date(2020, 12, 31), True),
        ("2021", date(2021, 1, 1), date(2021, 6, 30), True),
    ]


PARTS = {
    ("month", 2, 2020): ("2020-02-01", "2020-02-29"),
    ("month", 2, 2019): ("2019-02-01", "2019-02-28"),
    ("month", 2, 2000): ("2000-02-01", "2000-02-29"),
    ("month", 2, 2100): ("2100-02-01", "2100-02-28"),
    ("early", 12, 2022): ("2022-12-01", "2022-12-10"),
    ("middle", 2, 2021): ("2021-02-11", "2021-02-20"),
    ("late", 8, 2019): ("2019-08-21", "2019-08-31"),
    ("late", 2, 2021): ("2021-02-21", "2021-02-28"),
    ("month-end", 6, 2023): ("2023-06-21", "2023-06-30"),
    ("by-month-end", 4, 2020): (None, "2020-04-30"),
    ("by-month-end", 2, 2024): (None, "2024-02-29"),
    ("year-end", None, 2022): ("2022-12-01", "2022-12-31"),
    ("by-year-end", None, 2022): (None, "2022-12-31"),
    ("year", None, 2020): (None, "2020-12-31"),
}


@pytest.mark.parametrize("given_", PARTS, ids=str)
def test_vague_parts_mean_these_days(given_: tuple[Any, int | None, int]) -> None:
    part, month, year = given_
    opens, due = span(part, year, month)
    assert (opens and opens.isoformat(), due.isoformat()) == PARTS[given_]
    rule = FuzzyRule(part=part, month=month, year=year)
    (found,) = periods(rule, date(1990, 1, 1), None, date(2110, 1, 1))
    assert (found.opens, found.due, found.label) == (opens, due, "once")
    assert found.reading


def yearly(*listed: tuple[str, str], **named: Any) -> RecurringRule:
    entries = tuple(DatedEntry(id=id_, on=on) for id_, on in listed)
    return RecurringRule.model_validate({"dates": entries, **named})


def test_the_29th_of_february_falls_on_the_28th_in_common_years() -> None:
    rule = yearly(("feb", "02-29"))
    found = periods(rule, date(2096, 1, 1), None, date(2104, 12, 31))
    assert {p.label: p.due.day for p in found} == {
        "2096-feb": 29, "2097-feb": 28, "2098-feb": 28, "2099-feb": 28, "2100-feb": 28,
        "2101-feb": 28, "2102-feb": 28, "2103-feb": 28, "2104-feb": 29,
    }  # fmt: skip


def test_a_list_of_dates_is_told_in_the_order_of_its_dates_from_the_first_that_binds() -> None:
    rule = yearly(("nov", "11-10"), ("mar", "03-20"), ("sep", "09-20"), ("jun", "06-20"))
    found = periods(rule, date(2019, 7, 11), None, date(2020, 9, 19))
    assert [p.label for p in found] == ["2019-sep", "2019-nov", "2020-mar", "2020-jun"]


def test_a_rule_may_reach_back_before_its_document_and_end_before_it() -> None:
    rule = yearly(("jun", "06-20"), **{"from": date(2019, 6, 20), "until": date(2020, 6, 20)})
    found = periods(rule, date(2019, 7, 11), None, date(2030, 1, 1))
    assert [p.due for p in found] == [date(2019, 6, 20), date(2020, 6, 20)]


@QUIET
@given(days, later, later, st.lists(st.integers(1, 365), min_size=1, max_size=6, unique=True))
def test_dated_series_are_in_order_unique_and_within_their_bounds(
    binds: date, length: timedelta, gap: timedelta, offsets: list[int]
) -> None:
    listed = [((date(2023, 1, 1) + (o - 1) * DAY).strftime("%m-%d"), o) for o in offsets]
    rule = yearly(*((f"d{o}", on) for on, o in listed))
    ends, horizon = binds + length, binds + gap
    found = list(periods(rule, binds, ends, horizon))
    assert [p.due for p in found] == sorted(p.due for p in found)
    assert len({p.label for p in found}) == len(found)
    assert all(binds <= p.due <= min(ends, horizon) for p in found)
    wanted = sum(
        (binds + step * DAY).strftime("%m-%d") in dict(listed)
        for step in range((min(ends, horizon) - binds).days + 1)
    )
    assert len(found) == wanted


def test_a_window_is_told_once_it_has_begun_and_a_day_once_it_is_due() -> None:
    window = WindowRule.model_validate({"from": date(2022, 4, 1), "to": date(2024, 12, 31)})
    binds = date(2022, 4, 1)
    assert len(list(periods(window, binds, None, date(2022, 4, 1)))) == 1
    assert list(periods(window, binds, None, date(2022, 3, 31))) == []
    once = OnceRule(on=date(2022, 4, 30))
    assert list(periods(once, binds, None, date(2022, 4, 29))) == []
    assert len(list(periods(once, binds, None, date(2022, 4, 30)))) == 1
    target = TargetRule(on=date(2022, 4, 30))
    assert list(periods(target, binds, date(2022, 4, 29), date(2030, 1, 1))) == []
    vague = FuzzyRule(part="early", month=12, every_year=True)
    assert [p.label for p in periods(vague, binds, None, date(2023, 12, 1))] == ["2022", "2023"]


def test_only_what_names_one_time_is_single() -> None:
    assert single(OnceRule(on=date(2020, 1, 1)))
    assert single(FuzzyRule(part="year-end", year=2020))
    assert not single(FuzzyRule(part="year-end", every_year=True))
    assert not single(yearly(("mar", "03-20")))
    assert not single(quota("whole"))


NATIONAL_DAY = date(2019, 10, 1)  # off from 1 to 7 October; 29 September and 12 October are worked


@pytest.mark.parametrize(
    ("on", "roll", "strict", "due"),
    [
        ("2019-10-05", None, False, "2019-10-05"),
        ("2019-10-05", "back", False, "2019-09-30"),
        ("2019-10-05", "forward", False, "2019-10-08"),
        ("2019-09-29", "back", False, "2019-09-29"),  # a Sunday worked in exchange
        ("2019-10-08", "forward", True, "2019-10-08"),  # the day before, then on to a working day
        ("2019-10-08", "back", True, "2019-09-30"),
        ("2019-10-08", None, True, "2019-10-07"),
        ("2020-03-01", None, True, "2020-02-29"),
    ],
)
def test_strict_reading_comes_first_and_rolling_second(
    on: str, roll: Any, strict: bool, due: str
) -> None:
    rule = OnceRule(on=date.fromisoformat(on), roll=roll)
    (period,) = periods(rule, date(2019, 1, 1), None, date(2030, 1, 1))
    kept = moved(period, rule, bundled_workdays(), strict=strict)
    assert kept.due.isoformat() == due
    assert kept.label == "once"


@QUIET
@given(st.dates(date(2017, 1, 1), date(2030, 12, 31)), st.sampled_from(["back", "forward"]))
def test_a_rolled_day_is_worked_and_no_worked_day_is_passed_over(on: date, roll: Any) -> None:
    workdays = bundled_workdays()
    rule = OnceRule(on=on, roll=roll)
    due = moved(Period("once", None, on), rule, workdays, strict=False).due
    assert workdays.is_workday(due)
    step = DAY if roll == "forward" else -DAY
    while on != due:
        assert not workdays.is_workday(on)
        on += step


def test_a_window_never_ends_before_it_opens_even_when_rolled_back() -> None:
    # 2019-02: the spring festival is off from the 4th to the 10th; both Saturdays before are worked
    rule = FuzzyRule(part="early", month=2, year=2019, roll="back")
    (period,) = periods(rule, date(2019, 1, 1), None, date(2030, 1, 1))
    kept = moved(period, rule, bundled_workdays(), strict=False)
    assert (kept.opens, kept.due) == (date(2019, 2, 1), date(2019, 2, 3))
    tight = Period("once", date(2019, 2, 5), date(2019, 2, 10))
    kept = moved(tight, rule, bundled_workdays(), strict=False)
    assert kept.opens == kept.due == date(2019, 2, 3)


def test_strict_reading_leaves_windows_readings_and_targets_alone() -> None:
    workdays = bundled_workdays()
    window = WindowRule.model_validate({"from": date(2022, 4, 1), "to": date(2024, 12, 31)})
    for rule in (
        window,
        FuzzyRule(part="by-month-end", month=4, year=2022),
        TargetRule(on=date(2022, 12, 31)),
    ):
        (period,) = periods(rule, date(2022, 1, 1), None, date(2030, 1, 1))
        assert moved(period, rule, workdays, strict=True) == period
