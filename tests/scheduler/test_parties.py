"""Each way in which a document names an actor, and the days on which a roster binds it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.roster import Membership, Pairing, Roster
from scheduler.parties import Party, Subject, parties, subjects
from tests.scheduler.rosters import PAIRINGS, pairing, roster
from tests.workflows.samples import document, duty
from workflows.document import Role
from workflows.rules import Period


def found(pairings: Any = PAIRINGS, members: Any = (), **named: Any) -> list[Subject]:
    """The subjects of one obligation that is written so."""
    given_ = document(duty("report", "once", {"on": "2020-06-30"}, **named))
    return subjects(given_, roster(pairings, members), given_.obligations[0])


def ids(listed: Any) -> list[str | None]:
    return [party.id for party in listed]


def pairs(subject: Subject) -> list[tuple[str | None, str | None]]:
    return [(one.id, two.id) for one, two in subject.pairings]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ({"side": "supporter"}, ["big", "city-hospital"]),
        ({"side": "recipient"}, ["a", "b", "c"]),
        ({"side": "both"}, ["big", "a", "city-hospital", "b", "c"]),
        ({"side": "recipient", "take": "authority"}, ["north", "south"]),
        ({"side": "supporter", "take": "authority"}, ["province", "north"]),
        ({"side": "supporter", "take": "reporter"}, ["big", "north"]),
        ({"side": "both", "take": "reporter"}, ["big", "north", "south"]),
        ({"side": "recipient", "take": "government"}, ["county-a", "county-b"]),
        ({"institution": "desk"}, ["desk"]),
        ({"words": "有关单位", "unresolved": "没有列名"}, [None]),
    ],
)
def test_a_role_is_found_on_the_roster(role: dict[str, Any], expected: list[str | None]) -> None:
    assert ids(parties(Role(name="某", **role), roster(), PAIRINGS)) == expected


def test_a_group_is_who_belongs_to_it_in_the_programme_asked_for() -> None:
    members = [
        Membership("desks", "north", "county"),
        Membership("desks", "south", "town"),
        Membership("desks", "province"),
        Membership("others", "desk"),
        Membership("desks", "north", "town"),
    ]
    role = Role(name="各市", group="desks")
    held = roster(members=members)
    assert ids(parties(role, held, ())) == ["north", "south", "province"]
    assert ids(parties(role, held, (), "county")) == ["north", "province"]
    assert ids(parties(role, held, (), "town")) == ["south", "province", "north"]


def test_assisting_groups_are_those_of_the_programme_too() -> None:
    members = [Membership("desks", "north", "county"), Membership("desks", "south", "town")]
    (one,) = found(
        members=members, per="document", responsible="bureau", assisting=["desks"], programme="town"
    )
    assert ids(one.assisting) == ["south"]


def test_per_pairing_each_pairing_owes_and_its_own_sides_are_named() -> None:
    listed = found(
        per="pairing", responsible="recipient", assisting=["supporter", "county", "recipient"],
        recipients=["reporter", "city"],
    )  # fmt: skip
    assert [one.id for one in listed] == ["big.a", "city-hospital.b", "city-hospital.c"]
    first, second, _ = listed
    assert first.responsible == Party("a", "甲县医院")
    assert ids(first.assisting) == ["big", "county-a"]
    assert ids(first.recipients) == ["big", "north"]
    assert ids(second.recipients) == ["north", "south"]
    assert pairs(second) == [("city-hospital", "b")]


def test_a_city_files_one_list_for_the_hospitals_it_collects_from() -> None:
    listed = found(responsible="city")
    assert [(one.id, pairs(one)) for one in listed] == [
        ("north", [("big", "a")]),
        ("south", [("city-hospital", "b"), ("city-hospital", "c")]),
    ]


def test_a_hospital_that_reports_directly_files_for_itself() -> None:
    listed = found(responsible="reporter")
    assert [(one.id, pairs(one)) for one in listed] == [
        ("big", [("big", "a")]),
        ("north", [("city-hospital", "b"), ("city-hospital", "c")]),
    ]


def test_a_union_of_both_sides_counts_each_pairing_once() -> None:
    twins = (pairing("city-hospital", "a"), pairing("big", "a"))
    listed = found(twins, responsible="every-city")
    assert [(one.id, pairs(one)) for one in listed] == [
        ("north", [("city-hospital", "a"), ("big", "a")]),
        ("big", [("big", "a")]),
    ]


def test_a_department_is_concerned_with_its_hospitals_pairings() -> None:
    roles = {"name": "外联办", "institution": "outreach"}
    given_ = document(
        duty("report", "once", {"on": "2020-06-30"}, responsible="office"),
        roles={"office": roles, "supporter": {"name": "支援", "side": "supporter"}},
    )
    (one,) = subjects(given_, roster(), given_.obligations[0])
    assert one.responsible == Party("outreach", "市医院外联办")
    assert pairs(one) == [("city-hospital", "b"), ("city-hospital", "c")]


def test_an_authority_named_outright_answers_for_the_whole_document() -> None:
    (one,) = found(responsible="bureau")
    assert len(one.pairings) == 3
    (all_,) = found(responsible="bureau", per="document")
    assert (all_.id, all_.responsible.id) == ("all", "province")


def test_each_names_whom_every_occurrence_is_about_and_another_is_responsible() -> None:
    listed = found(each="city", responsible="bureau")
    assert [(one.id, one.responsible.id) for one in listed] == [
        ("north", "province"),
        ("south", "province"),
    ]
    assert pairs(listed[0]) == [("big", "a")]


def test_who_is_not_named_stands_in_the_texts_own_words_in_one_row() -> None:
    (one,) = found(per="document", responsible="unnamed", assisting=["city"])
    assert (one.id, one.responsible, one.unresolved) == (
        "all",
        Party(None, "有关单位"),
        "原文没有列名",
    )
    assert ids(one.assisting) == ["north", "south"]


def test_a_document_wide_duty_of_several_has_one_responsible_and_the_others_assist() -> None:
    (one,) = found(per="document", responsible="city", assisting=["bureau", "city"])
    assert one.responsible.id == "north"
    assert ids(one.assisting) == ["south", "province"]


def test_a_role_nobody_holds_is_told_not_dropped() -> None:
    (one,) = found((), per="document", responsible="city")
    assert one.responsible == Party(None, "受援方主管部门")
    assert one.unresolved


def test_pairings_of_another_programme_are_left_out() -> None:
    mixed = (
        pairing("big", "a", programme="county"),
        pairing("city-hospital", "b", programme="town"),
        pairing("city-hospital", "c"),
    )
    assert [one.id for one in found(mixed, per="pairing", programme="county")] == [
        "big.a",
        "city-hospital.c",
    ]
    assert len(found(mixed, per="pairing")) == 3


def test_a_member_twice_is_bound_from_the_first_to_the_last_day() -> None:
    members = [
        Membership("desks", "north", "county", date(2019, 1, 1), date(2019, 6, 1)),
        Membership("desks", "north", "town", date(2019, 3, 1), date(2020, 1, 1)),
        Membership("desks", "south", "county", None, date(2019, 6, 1)),
        Membership("desks", "south", "town", date(2019, 1, 1), None),
    ]
    north, south = found(members=members, responsible="desks")
    assert (north.from_, north.until) == (date(2019, 1, 1), date(2020, 1, 1))
    assert (south.from_, south.until) == (None, None)
    (only, _) = found(members=members, responsible="desks", programme="town")
    assert (only.from_, only.until) == (date(2019, 3, 1), date(2020, 1, 1))


def bound(from_: date | None, until: date | None) -> Subject:
    return Subject("x", Party("x", "某"), (), (), (), from_=from_, until=until)


some_days = st.dates(date(2019, 1, 1), date(2021, 12, 31))


@settings(deadline=None)
@given(some_days, some_days, st.none() | some_days, st.none() | some_days)
def test_a_window_is_cut_to_the_membership(
    one: date, two: date, from_: date | None, until: date | None
) -> None:
    opens, due = min(one, two), max(one, two)
    cut = bound(from_, until).clip(Period("p", opens, due))
    shared = [
        day
        for day in (date.fromordinal(n) for n in range(opens.toordinal(), due.toordinal() + 1))
        if (from_ is None or from_ <= day) and (until is None or day < until)
    ]
    if not shared:
        assert cut is None
    else:
        assert cut is not None
        assert (cut.opens, cut.due) == (shared[0], shared[-1])
        assert cut.enforced is (cut.opens == opens)


def test_the_last_day_of_a_membership_is_the_one_before_until() -> None:
    leaver = bound(None, date(2019, 5, 11))
    assert leaver.clip(Period("p", None, date(2019, 5, 10)))
    assert leaver.clip(Period("p", None, date(2019, 5, 11))) is None
    joiner = bound(date(2019, 5, 11), None)
    assert joiner.clip(Period("p", None, date(2019, 5, 10))) is None
    assert joiner.clip(Period("p", None, date(2019, 5, 11)))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.none() | some_days, st.none() | some_days), max_size=6),
    some_days,
    some_days,
)
def test_a_roster_within_some_days_holds_what_shares_a_day_with_them(
    spans: list[tuple[date | None, date | None]], one: date, two: date
) -> None:
    first, last = min(one, two), max(one, two)
    pairings = [
        Pairing(f"p{n}", "big", "a", from_=from_, until=until)
        for n, (from_, until) in enumerate(spans)
    ]
    held: Roster = roster(pairings)
    expected = [
        p.id
        for p in pairings
        if (p.from_ is None or p.from_ <= last) and (p.until is None or p.until > first)
    ]
    assert [p.id for p in held.within(first, last).pairings] == expected
    assert held.within(first, last) is held.within(first, last)
