"""Schedules against what the texts demand, by hand and by property."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.records import Term
from scheduler.stationing import (
    Span,
    clashes,
    covered,
    gaps,
    handovers,
    length,
    lengths,
    merged,
    months_after,
    next_handover,
    overlaps,
    percent,
    said,
    spans,
    stays,
    team_size,
    teams,
    years,
)
from workflows.kinds import RotationRule, TeamSize

DAY = timedelta(days=1)
FIRST = date(2023, 1, 1)
# As the three documents have it.
GUANGXI = RotationRule(term_of="batch", min_months=6, team=(TeamSize(at_least=3),))
HORQIN = RotationRule(term_of="person", min_months=6, max_months=12, full_year=True)
HUBEI = RotationRule(
    term_of="batch",
    min_months=6,
    team=(TeamSize(at_least=5, type="general"), TeamSize(at_least=3, type="tcm")),
    full_year=True,
    rotate=True,
)


def day(text: str) -> date:
    return date.fromisoformat(text)


def span(from_: str, until: str) -> Span:
    return Span(day(from_), day(until))


def term(
    from_: str, until: str, people: int = 5, *persons: str, recipient: str = "xiao",
    document: str = "pair-2025",
) -> Term:  # fmt: skip
    return Term(0, document, "da", recipient, day(from_), day(until), people, "", persons)


dates = st.integers(0, 800).map(lambda n: FIRST + n * DAY)
some = st.lists(
    st.tuples(dates, st.integers(0, 200)).map(lambda p: Span(p[0], p[0] + p[1] * DAY)), max_size=8
)
windows = st.tuples(dates, st.integers(0, 500)).map(lambda p: Span(p[0], p[0] + p[1] * DAY))


def days(found: list[Span]) -> list[date]:
    return [one.from_ + n * DAY for one in found for n in range(one.days)]


@given(some, windows)
def test_what_is_covered_and_what_is_not_make_up_the_window(found: list[Span], window: Span) -> None:
    there, missing = days(covered(found, window)), days(gaps(found, window))
    assert sorted(there + missing) == days([window])
    assert set(there) == {d for d in days([window]) if any(s.from_ <= d < s.until for s in found)}


@given(some, windows, st.randoms())
def test_the_order_of_recording_does_not_matter(found: list[Span], window: Span, dice) -> None:  # type: ignore[no-untyped-def]
    mixed = list(found)
    dice.shuffle(mixed)
    assert gaps(mixed, window) == gaps(found, window)
    assert overlaps(mixed) == overlaps(found)
    assert percent(mixed, window) == percent(found, window)


@given(some)
def test_merging_keeps_the_days_and_leaves_a_day_between(found: list[Span]) -> None:
    whole = merged(found)
    assert set(days(whole)) == set(days(found))
    assert all(one.until < other.from_ for one, other in pairwise(whole))
    assert merged(whole) == whole


@given(some)
def test_an_overlap_is_a_day_on_which_two_are_there(found: list[Span]) -> None:
    twice = {d for d in days(found) if sum(s.from_ <= d < s.until for s in found) > 1}
    assert set(days(overlaps(found))) == twice


@given(some, windows)
def test_per_cent_is_100_only_where_no_day_is_missing(found: list[Span], window: Span) -> None:
    assert (percent(found, window) == 100) == (not gaps(found, window))


@given(dates, st.integers(0, 60), st.integers(0, 60))
def test_months_do_not_overtake_each_other(first: date, one: int, more: int) -> None:
    assert months_after(first, one) <= months_after(first, one + more)
    assert (months_after(first, one).month - first.month - one) % 12 == 0


@given(st.lists(st.tuples(dates, st.integers(1, 200)), min_size=1, max_size=5))
def test_one_person_s_stays_are_those_of_the_days(found: list[tuple[date, int]]) -> None:
    terms = [
        Term(n, "d", "da", "xiao", first, first + many * DAY, 1, "", ("P1",))
        for n, (first, many) in enumerate(found)
    ]
    mine = [stay.span for stay in stays(terms, "person")]
    assert mine == merged(spans(terms))


@pytest.mark.parametrize(
    ("first", "months", "last"),
    [
        ("2023-03-01", 6, "2023-09-01"),
        ("2023-08-31", 6, "2024-02-29"),
        ("2022-08-31", 6, "2023-02-28"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2023-12-15", 12, "2024-12-15"),
    ],
)
def test_months_are_those_of_the_calendar(first: str, months: int, last: str) -> None:
    assert months_after(day(first), months) == day(last)


def test_a_length_is_said_in_months_and_days() -> None:
    assert length(span("2023-03-01", "2023-09-01")) == "6个月"
    assert length(span("2023-03-01", "2023-08-31")) == "5个月零30天"
    assert length(span("2023-03-01", "2023-03-11")) == "10天"


def test_an_empty_schedule_is_one_gap() -> None:
    year = span("2023-01-01", "2024-01-01")
    assert gaps([], year) == [year]
    assert percent([], year) == 0


def test_a_year_with_a_gap_in_spring() -> None:
    year = span("2023-01-01", "2024-01-01")
    found = [span("2022-10-01", "2023-04-01"), span("2023-04-16", "2024-03-01")]
    assert gaps(found, year) == [span("2023-04-01", "2023-04-16")]
    assert percent(found, year) == 95.89  # 350 of 365
    assert list(years(span("2022-12-31", "2024-01-02"))) == [
        (2022, span("2022-12-31", "2023-01-01")),
        (2023, year),
        (2024, span("2024-01-01", "2024-01-02")),
    ]


def test_one_day_missing_in_many_years_is_not_full_coverage() -> None:
    window = span("1950-01-01", "2150-01-01")
    assert percent([Span(window.from_, window.until - DAY)], window) == 99.99
    assert percent([span("1950-01-01", "1950-01-02")], window) == 0.01


# Guangxi, three (2): at least three people, each batch at least six months; no word of the year.


def test_guangxi_a_batch_of_three_for_six_months_is_as_it_should_be() -> None:
    good = [term("2019-08-01", "2020-02-01", 3)]
    assert not [*lengths(good, GUANGXI), *teams(good, GUANGXI, "tcm")]


def test_guangxi_a_day_too_few_and_a_person_too_few() -> None:
    bad = [term("2019-08-01", "2020-01-31", 2)]
    assert [one.what for one in lengths(bad, GUANGXI)] == ["short-term"]
    small = list(teams(bad, GUANGXI, "tcm"))
    assert [(one.what, one.from_, one.until) for one in small] == [
        ("small-team", day("2019-08-01"), day("2020-01-31"))
    ]
    assert small[0].detail == "这一批2人，不足3人"


def test_guangxi_a_batch_is_not_helped_by_the_next_one() -> None:
    two = [term("2019-08-01", "2019-11-01", 3, "P1"), term("2019-11-01", "2020-02-01", 3, "P1")]
    assert [one.what for one in lengths(two, GUANGXI)] == ["short-term", "short-term"]


# Horqin, two (5) and the annex: each person six months on end, a year at most, the year round.


def test_horqin_a_person_s_consecutive_stays_count_together() -> None:
    two = [term("2023-03-01", "2023-06-01", 1, "P1"), term("2023-06-01", "2023-09-01", 1, "P1")]
    assert not list(lengths(two, HORQIN))
    broken = [two[0], term("2023-06-02", "2023-09-01", 1, "P1")]
    assert [(f.what, f.from_, f.until) for f in lengths(broken, HORQIN)] == [
        ("short-term", day("2023-03-01"), day("2023-06-01")),
        ("short-term", day("2023-06-02"), day("2023-09-01")),
    ]


def test_horqin_more_than_a_year_is_too_long() -> None:
    exact = [term("2023-02-13", "2024-02-13", 1, "P1")]
    assert not list(lengths(exact, HORQIN))
    longer = [*exact, term("2024-02-13", "2024-02-14", 1, "P1")]
    found = list(lengths(longer, HORQIN))
    assert [(f.what, f.from_, f.until) for f in found] == [
        ("long-term", day("2023-02-13"), day("2024-02-14"))
    ]
    assert found[0].detail == "P1连续驻点12个月零1天，超过12个月"


def test_horqin_a_term_without_pseudonyms_is_each_person_s_own() -> None:
    terms = [term("2023-03-01", "2023-06-01", 2), term("2023-06-01", "2023-09-01", 2)]
    assert [one.what for one in lengths(terms, HORQIN)] == ["short-term", "short-term"]
    # One of two has a pseudonym: the other is known by the term alone.
    mixed = [term("2023-03-01", "2023-06-01", 2, "P1"), term("2023-06-01", "2023-09-01", 1, "P1")]
    assert [(f.from_, f.until) for f in lengths(mixed, HORQIN)] == [
        (day("2023-03-01"), day("2023-06-01"))
    ]


def test_horqin_sets_no_size_of_teams() -> None:
    assert not list(teams([term("2023-03-01", "2023-09-01", 1)], HORQIN, ""))


# Hubei, three (5): five people, three in hospitals of Chinese medicine, by type of the recipient.


@pytest.mark.parametrize(
    ("type_", "people", "small"),
    [("general", 5, False), ("general", 4, True), ("tcm", 3, False), ("tcm", 2, True)],
)
def test_hubei_counts_by_the_recipient_s_type(type_: str, people: int, small: bool) -> None:
    found = list(teams([term("2022-04-01", "2022-10-01", people)], HUBEI, type_))
    assert bool(found) is small


def test_hubei_says_nothing_of_a_type_that_nobody_wrote() -> None:
    assert team_size(HUBEI, "") is None
    assert team_size(HUBEI, "general") == 5
    assert team_size(GUANGXI, "") == 3


def test_a_handover_knows_whether_somebody_comes() -> None:
    two = [term("2022-04-01", "2022-10-01", 5), term("2022-10-01", "2023-04-01", 6)]
    first, second = handovers(two)
    assert (first.last_day, first.leaving, first.relief) == (day("2022-09-30"), 5, 6)
    assert said(first, True) == "2022年10月1日起由下一批（6人）接替，已登记"
    assert not second.relieved
    assert said(second, True) == "2023年4月1日起由下一批接替；下一批尚未登记，将出现空档"
    assert "没有要求" in said(second, False)


def test_a_handover_to_a_team_that_comes_later_tells_the_days_between() -> None:
    two = [term("2022-04-01", "2022-10-01"), term("2022-10-16", "2023-04-16")]
    assert said(handovers(two)[0], True) == "下一批登记从2022年10月16日起；10月1日至10月15日将出现空档"
    close = [two[0], term("2022-10-02", "2023-04-16")]
    assert said(handovers(close)[0], True) == "下一批登记从2022年10月2日起；10月1日当天将出现空档"
    far = [two[0], term("2024-01-01", "2024-07-01")]
    assert said(handovers(far)[0], True) == (
        "下一批登记从2024年1月1日起；2022年10月1日至2023年12月31日将出现空档"
    )


def test_the_next_handover_is_the_first_that_is_not_over() -> None:
    two = [term("2022-04-01", "2022-10-01"), term("2022-10-01", "2023-04-01")]
    assert next_handover(two, day("2022-09-30")) == handovers(two)[0]
    assert next_handover(two, day("2022-10-01")) == handovers(two)[1]
    assert next_handover(two, day("2023-04-01")) is None
    assert next_handover([], day("2023-04-01")) is None


def test_teams_that_leave_on_the_same_day_are_one_handover() -> None:
    two = [term("2022-04-01", "2022-10-01", 3), term("2022-05-01", "2022-10-01", 2)]
    assert [(one.last_day, one.leaving) for one in handovers(two)] == [(day("2022-09-30"), 5)]


def test_one_person_at_two_sites_on_the_same_day_is_told_of_both() -> None:
    terms = [
        term("2022-04-01", "2022-10-01", 5, "P1", "P2"),
        term("2022-09-15", "2023-04-01", 5, "P1", recipient="xiao2"),
        term("2022-09-01", "2022-10-01", 5, "P2", recipient="xiao3", document="other-2025"),
    ]
    assert [(c.person, c.span, c.term.recipient, c.other.recipient) for c in clashes(terms)] == [
        ("P2", span("2022-09-01", "2022-10-01"), "xiao", "xiao3"),
        ("P2", span("2022-09-01", "2022-10-01"), "xiao3", "xiao"),
        ("P1", span("2022-09-15", "2022-10-01"), "xiao", "xiao2"),
        ("P1", span("2022-09-15", "2022-10-01"), "xiao2", "xiao"),
    ]


def test_who_moves_on_the_last_day_is_not_at_two_sites() -> None:
    terms = [
        term("2022-04-01", "2022-10-01", 5, "P1"),
        term("2022-10-01", "2023-04-01", 5, "P1", recipient="xiao2"),
        term("2022-04-01", "2022-10-01", 5, recipient="xiao2"),
    ]
    assert not clashes(terms)
