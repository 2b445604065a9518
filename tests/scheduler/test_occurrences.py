"""Documents and rosters become occurrences, whatever the window in which they are asked for."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.roster import Membership, Roster
from scheduler.loading import Loaded, load
from scheduler.occurrences import Occurrence, occurrences
from scheduler.relations import relations
from tests.scheduler.rosters import INSTITUTIONS, PAIRINGS, pairing, roster
from tests.workflows.samples import document, duty
from workflows.document import Document
from workflows.library import bundled_workdays

WORKDAYS = bundled_workdays()
FIRST, LAST = date(2017, 1, 1), date(2030, 12, 31)
NAMES = ("guangxi-2019", "shaoxing-2017", "hebei-2019", "horqin-2023", "hubei-2022")
DAY = timedelta(days=1)


@cache
def bundled() -> Loaded:
    return load()


@cache
def everything(name: str, strict: bool = False) -> tuple[Occurrence, ...]:
    held = bundled()
    found = occurrences(
        held.documents[name], held.rosters[name], WORKDAYS, FIRST, LAST, strict=strict
    )
    return tuple(found)


def listed(
    given_: Document, held: Roster, start: date = FIRST, end: date = LAST, strict: bool = False
) -> list[Occurrence]:
    return occurrences(given_, held, WORKDAYS, start, end, strict=strict)


def dues(found: list[Occurrence]) -> list[tuple[str, str]]:
    """The period and due date of each occurrence."""
    return [(one.period, str(one.due)) for one in found]


# --- the five documents


def test_keys_are_readable_and_never_the_same_over_all_documents() -> None:
    keys = Counter(one.key for name in NAMES for one in everything(name))
    assert len(keys) > 10_000
    assert [key for key, count in keys.items() if count > 1] == []
    assert [key for key in keys if not re.fullmatch(r"[a-z0-9./-]+", key)] == []
    assert {key.count("/") for key in keys} == {3}


@pytest.mark.parametrize("name", NAMES)
def test_strict_reading_moves_dates_and_no_key(name: str) -> None:
    usual = {one.key: one for one in everything(name)}
    strict = {one.key: one for one in everything(name, strict=True)}
    assert usual.keys() == strict.keys()
    gaps = Counter(
        (usual[key].due - one.due).days  # type: ignore[operator]
        for key, one in strict.items()
        if one.due
    )
    assert set(gaps) <= {0, 1}
    for key, one in strict.items():
        if one.due != usual[key].due:
            assert one.kind in ("once", "recurring")
            assert one.opens is None


@pytest.mark.parametrize("name", NAMES)
def test_every_occurrence_is_whole(name: str) -> None:
    held = bundled()
    known = held.rosters[name].institutions
    for one in everything(name):
        assert one.clauses
        assert one.phrase
        assert one.responsible.name
        assert (one.responsible.id in known) or one.unresolved
        assert one.document == name
        if one.due is None:
            assert one.kind in ("standing", "event")
            continue
        assert one.opens is None or one.opens <= one.due
        assert one.last_working_day is not None
        assert one.last_working_day <= one.due
        assert WORKDAYS.is_workday(one.last_working_day)
        assert one.binds_by is not None
        assert one.binds_by <= one.due
        assert one.provisional or one.due.year <= 2026
        if one.phase == "pre-issue":
            assert one.due < held.documents[name].binds_from


@pytest.mark.parametrize("name", NAMES)
def test_every_duty_with_a_date_is_listed_and_every_other_is_without_one(name: str) -> None:
    dated = {one.obligation for one in everything(name) if one.due}
    dateless = {one.obligation for one in everything(name) if one.due is None}
    for one in bundled().documents[name].obligations:
        if one.kind in ("standing", "event"):
            assert one.id in dateless - dated
        else:
            assert one.id in dated


@pytest.mark.parametrize("name", NAMES)
def test_they_are_sorted_by_due_date_then_key(name: str) -> None:
    found = [(str(one.due or ""), one.key) for one in everything(name)]
    assert found == sorted(found)


within = st.dates(FIRST, LAST)


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(NAMES), within, st.integers(0, 200), st.booleans())
def test_the_window_asked_for_changes_nothing_but_the_choice(
    name: str, start: date, length: int, strict: bool
) -> None:
    end = min(start + timedelta(days=length), LAST)
    held = bundled()
    found = occurrences(
        held.documents[name], held.rosters[name], WORKDAYS, start, end, strict=strict
    )
    assert found == [
        one for one in everything(name, strict) if one.due is None or start <= one.due <= end
    ]


# --- written for the purpose

MARCH = {"id": "mar", "on": "03-20"}
OPEN = {"core_until": "2020-12-31", "open_ended": True, "clause": "一", "phrase": "到2020年"}


def changed(from_: str, rule: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"from": from_, "rule": rule, **more}


MANY = document(
    duty("rolled", "recurring", {"dates": [MARCH, {"id": "oct", "on": "10-05"}], "roll": "back"}),
    duty("onward", "recurring", {"dates": [{"id": "dec", "on": "12-31"}], "roll": "forward"}),
    duty("visit", "quota", {"per": "quarter", "unit": "次", "at_least": 1}, per="pairing",
         before="onward"),
    duty("weekly", "quota", {"per": "fortnight", "unit": "次", "at_least": 1},
         changes=[changed("2020-02-12", {"per": "week", "unit": "次", "at_least": 1})]),
    duty("whole", "quota", {"per": "whole", "unit": "次", "at_least": 1, "until": "2021-12-31"},
         per="pairing"),
    duty("year", "quota", {"per": "year", "unit": "次", "at_least": 1}, responsible="desks"),
    duty("late", "fuzzy", {"part": "month", "month": 6, "every_year": True}, per="pairing"),
    duty("sign", "standing", {"word": "及时"}, before="rolled"),
    duty("goal", "target", {"on": "2024-06-30"}, per="document"),
    validity=OPEN,
)  # fmt: skip
DATED = roster(
    (
        pairing("big", "a", until=date(2020, 7, 1)),
        pairing("city-hospital", "b", from_=date(2020, 2, 20)),
        pairing("city-hospital", "c", date(2020, 6, 10), date(2021, 3, 21)),
    ),
    (
        Membership("desks", "north", "county", date(2019, 1, 1), date(2019, 9, 1)),
        Membership("desks", "north", "county", date(2021, 2, 1)),
        Membership("desks", "south", "town", until=date(2022, 5, 1)),
    ),
)


@cache
def many(strict: bool) -> tuple[Occurrence, ...]:
    return tuple(listed(MANY, DATED, strict=strict))


@settings(deadline=None, max_examples=150)
@given(st.dates(date(2019, 1, 1), date(2022, 12, 31)), st.integers(0, 300), st.booleans())
def test_rolls_changes_and_memberships_do_not_depend_on_the_window(
    start: date, length: int, strict: bool
) -> None:
    end = start + timedelta(days=length)
    whole = many(strict)
    assert len({one.key for one in whole}) == len(whole)
    assert listed(MANY, DATED, start, end, strict) == [
        one for one in whole if one.due is None or start <= one.due <= end
    ]


@pytest.mark.parametrize(
    ("roll", "to", "due"),
    [
        ("back", "2019-10-04", "2019-09-30"),  # due on a holiday beyond the window's end
        ("forward", "2019-10-08", "2019-10-08"),
    ],
)
def test_a_rolled_date_is_listed_by_the_day_it_is_rolled_to(roll: str, to: str, due: str) -> None:
    given_ = document(duty("a", "once", {"on": "2019-10-05", "roll": roll}))
    held = roster(PAIRINGS[:1])
    assert dues(listed(given_, held, end=date.fromisoformat(to))) == [("once", due)]


def test_a_date_rolled_beyond_the_documents_end_still_stands() -> None:
    rule = {"dates": [{"id": "dec", "on": "12-31"}], "roll": "forward"}
    given_ = document(duty("a", "recurring", rule))
    found = listed(given_, roster(PAIRINGS[:1]))
    assert dues(found)[-1] == ("2022-dec", "2023-01-03")
    assert found[-1].phase == "core"


def test_a_day_that_the_text_names_stands_even_after_the_documents_end() -> None:
    given_ = document(
        duty("report", "once", {"on": "2023-01-15"}),
        duty("goal", "target", {"year": 2025, "part": "year"}),
        duty("phase", "window", {"from": "2022-01-01", "to": "2023-06-30"}),
        duty("series", "recurring", {"dates": [MARCH]}),
    )
    found = listed(given_, roster(PAIRINGS[:1]), start=date(2023, 1, 1))
    assert [(one.obligation, str(one.due), one.phase) for one in found] == [
        ("report", "2023-01-15", "core"),
        ("phase", "2023-06-30", "core"),
        ("goal", "2025-12-31", "core"),
    ]


def test_footings_of_dates() -> None:
    given_ = document(
        duty("a", "recurring", {"dates": [MARCH], "from": "2019-01-01"}),
        validity={
            "core_until": "2020-12-31", "contested_until": "2021-12-31", "open_ended": True,
            "clause": "一", "phrase": "到2020年",
        },
    )  # fmt: skip
    found = listed(given_, roster(PAIRINGS[:1]), end=date(2022, 12, 31))
    assert [one.phase for one in found] == ["pre-issue", "core", "contested", "open-ended"]


def test_a_date_that_moves_keeps_its_key() -> None:
    former = document(duty("a", "once", {"on": "2020-06-30"}))
    moved = document(
        duty(
            "a", "once", {"on": "2020-06-30"}, changes=[changed("2020-05-01", {"on": "2020-09-30"})]
        )
    )
    held = roster(PAIRINGS[:1])
    (one,), (two,) = listed(former, held), listed(moved, held)
    assert one.key == two.key == "sample-2019/a/big/once"
    assert (str(one.due), str(two.due)) == ("2020-06-30", "2020-09-30")


def test_a_date_asked_again_after_a_change_is_another_occurrence_each_time() -> None:
    given_ = document(
        duty("a", "once", {"on": "2020-01-31"}, changes=[
            changed("2021-01-01", {"on": "2021-01-31"}),
            changed("2022-01-01", {"on": "2022-01-31"}),
        ])
    )  # fmt: skip
    found = listed(given_, roster(PAIRINGS[:1]))
    assert dues(found) == [
        ("once", "2020-01-31"), ("once.20210101", "2021-01-31"), ("once.20220101", "2022-01-31"),
    ]  # fmt: skip


def test_a_later_wording_says_nothing_about_the_time_before_it() -> None:
    rule = {"dates": [MARCH], "from": "2019-07-01"}
    later = {"dates": [{"id": "mar", "on": "03-31"}], "from": "2019-07-01"}
    given_ = document(
        duty("a", "recurring", rule, changes=[
            changed("2021-01-01", later, clauses=["二"], phrase="改为3月31日")
        ])
    )  # fmt: skip
    found = listed(given_, roster(PAIRINGS[:1]))
    assert dues(found) == [
        ("2020-mar", "2020-03-20"), ("2021-mar", "2021-03-31"), ("2022-mar", "2022-03-31"),
    ]  # fmt: skip
    assert [(one.clauses, one.phrase) for one in found[:2]] == [
        (("一",), "按时办理"),
        (("二",), "改为3月31日"),
    ]


def test_quota_windows_meet_where_the_wording_changes() -> None:
    given_ = document(
        duty("a", "quota", {"per": "year", "unit": "次", "at_least": 2}, changes=[
            changed("2020-05-11", {"per": "year", "unit": "次", "at_least": 3})
        ])
    )  # fmt: skip
    found = listed(given_, roster(PAIRINGS[:1]), end=date(2021, 12, 31))
    assert [(o.period, str(o.opens), str(o.due), o.quota and o.quota.at_least) for o in found] == [
        ("2019", "2019-07-11", "2019-12-31", 2),
        ("2020", "2020-01-01", "2020-05-10", 2),
        ("2020.20200511", "2020-05-11", "2020-12-31", 3),
        ("2021", "2021-01-01", "2021-12-31", 3),
    ]


def test_a_window_cut_by_a_pairing_that_begins_in_it_is_not_enforced_but_a_year_is() -> None:
    given_ = document(
        duty("q", "quota", {"per": "quarter", "unit": "次", "at_least": 1}, per="pairing"),
        duty("y", "quota", {"per": "year", "unit": "次", "at_least": 1}, per="pairing"),
        duty("w", "quota", {"per": "whole", "unit": "次", "at_least": 1}, per="pairing"),
    )
    held = roster([pairing("big", "a", date(2020, 5, 6), date(2020, 8, 1))])
    found = listed(given_, held)
    assert [
        (o.obligation, str(o.opens), str(o.due), o.quota and o.quota.enforced) for o in found
    ] == [
        ("q", "2020-05-06", "2020-06-30", False),
        ("q", "2020-07-01", "2020-07-31", True),
        ("w", "2020-05-06", "2020-07-31", True),
        ("y", "2020-05-06", "2020-07-31", True),
    ]


def test_amounts_of_dated_duties_always_count() -> None:
    given_ = document(
        duty("a", "fuzzy", {"part": "month", "month": 5, "year": 2020}, per="pairing",
             amount={"unit": "名", "per": "year", "at_least": 2}),
    )  # fmt: skip
    (one,) = listed(given_, roster([pairing("big", "a", date(2020, 5, 6))]))
    assert one.quota is not None
    assert (one.quota.at_least, one.quota.enforced) == (2, True)


def test_a_list_names_the_pairings_that_hold_on_its_day_and_ends_with_the_last_of_them() -> None:
    given_ = document(duty("a", "recurring", {"dates": [MARCH]}, responsible="city",
                           assisting=["recipient"]))  # fmt: skip
    held = roster(
        (
            pairing("big", "a", until=date(2021, 1, 1)),
            pairing("city-hospital", "b", until=date(2022, 1, 1)),
            pairing("city-hospital", "c", date(2021, 1, 1), date(2022, 3, 21)),
        )
    )
    found = listed(given_, held)
    assert [
        (one.period, one.responsible.id, [pair[1].id for pair in one.pairings]) for one in found
    ] == [
        ("2020-mar", "north", ["a"]),
        ("2020-mar", "south", ["b"]),
        ("2021-mar", "south", ["b", "c"]),
        ("2022-mar", "south", ["c"]),
    ]
    assert [[party.id for party in one.assisting] for one in found] == [
        ["a"],
        ["b"],
        ["b", "c"],
        ["c"],
    ]


def test_who_leaves_a_programme_is_bound_by_the_rest_of_the_document() -> None:
    duties = [
        duty(f"{programme}-{day}", "once", {"on": f"2019-05-{day}"}, programme=programme,
             responsible="desks")
        for programme in ("county", "town")
        for day in (10, 11)
    ]  # fmt: skip
    members = (
        Membership("desks", "north", "county"),
        Membership("desks", "north", "town", until=date(2019, 5, 11)),
    )
    given_ = document(*duties, issued="2019-04-01")
    found = listed(given_, roster(members=members))
    assert [one.obligation for one in found] == ["county-10", "town-10", "county-11"]


# --- the date that really binds


def binding(*duties: dict[str, Any], held: Roster | None = None, **more: Any) -> dict[str, Any]:
    found = listed(document(*duties), held or roster(PAIRINGS[:1]), **more)
    return {f"{one.obligation} {one.period}": one.binds_by and str(one.binds_by) for one in found}


def test_what_must_come_before_binds_by_the_date_of_what_follows_through_a_chain() -> None:
    bound = binding(
        duty("train", "once", {"on": "2020-09-30"}, before="sign"),
        duty("sign", "fuzzy", {"part": "month", "month": 8, "year": 2020}, before="file"),
        duty("file", "once", {"on": "2020-08-20"}),
        duty("talk", "standing", {"word": "及时"}, before="sign"),
        duty("after", "once", {"on": "2020-07-01"}, before="file"),
    )
    assert bound == {
        "talk always": "2020-08-20",
        "after once": "2020-07-01",
        "file once": "2020-08-20",
        "sign once": "2020-08-20",
        "train once": "2020-08-20",
    }


def test_a_duty_without_a_date_binds_by_the_first_date_whatever_is_asked_for() -> None:
    duties = (
        duty("sign", "standing", {"word": "及时"}, before="file"),
        duty("file", "once", {"on": "2019-09-01"}),
        duty("yearly", "recurring", {"dates": [MARCH]}, before="file"),
    )
    for start in (FIRST, date(2021, 1, 1), date(2029, 1, 1)):
        bound = binding(*duties, start=start, end=start + 365 * DAY)
        assert bound["sign always"] == "2019-09-01"


def test_each_round_binds_by_the_round_of_its_own_year() -> None:
    bound = binding(
        duty("check", "recurring", {"dates": [MARCH]}, before="report"),
        duty("report", "recurring", {"dates": [{"id": "r", "on": "03-10"}]}),
    )
    assert bound["check 2021-mar"] == "2021-03-10"
    assert bound["check 2022-mar"] == "2022-03-10"


def test_a_round_within_the_year_binds_by_the_nearest_one() -> None:
    entries = [{"id": "mar", "on": "03-25"}, {"id": "jun", "on": "06-25"}]
    earlier = [{"id": "mar", "on": "03-20"}, {"id": "jun", "on": "06-20"}]
    bound = binding(
        duty("check", "recurring", {"dates": entries}, before="report"),
        duty("report", "recurring", {"dates": earlier}),
    )
    assert bound["check 2021-mar"] == "2021-03-20"
    assert bound["check 2021-jun"] == "2021-06-20"


def test_a_report_at_the_beginning_of_the_next_year_does_not_bind_this_year() -> None:
    bound = binding(
        duty("check", "recurring", {"dates": [{"id": "c", "on": "12-15"}]}, before="report"),
        duty("report", "recurring", {"dates": [{"id": "r", "on": "01-10"}]}),
    )
    assert bound["check 2020-c"] == "2020-12-15"


def test_a_pairing_binds_by_its_own_pairings_date_only() -> None:
    given_ = document(
        duty("sign", "fuzzy", {"part": "month", "month": 8, "year": 2020}, per="pairing",
             before="file"),
        duty("file", "quota", {"per": "whole", "unit": "份", "at_least": 1}, per="pairing"),
    )  # fmt: skip
    held = roster((pairing("big", "a", until=date(2020, 8, 11)), pairing("city-hospital", "b")))
    bound = {one.key: str(one.binds_by) for one in listed(given_, held)}
    assert bound["sample-2019/sign/big.a/once"] == "2020-08-10"
    assert bound["sample-2019/sign/city-hospital.b/once"] == "2020-08-31"


# --- relations


def test_relations_name_everyone_the_occurrence_touches_once_and_their_bodies() -> None:
    given_ = document(
        duty("a", "once", {"on": "2020-06-30"}, responsible="office", assisting=["city"],
             recipients=["desk"]),
        roles={
            "office": {"name": "外联办", "institution": "outreach"},
            "city": {"name": "市", "side": "recipient", "take": "authority"},
            "desk": {"name": "处", "institution": "desk"},
        },
    )  # fmt: skip
    (one,) = listed(given_, roster())
    parents = {i.id: i.parent for i in INSTITUTIONS if i.parent}
    assert relations(one, parents) == {
        "outreach": "responsible", "south": "assisting", "desk": "receiver",
        "city-hospital": "concerned", "b": "concerned", "c": "concerned", "province": "receiver",
    }  # fmt: skip


def test_the_strongest_relation_counts() -> None:
    given_ = document(
        duty("a", "once", {"on": "2020-06-30"}, assisting=["recipient"], recipients=["supporter"])
    )
    (one,) = listed(given_, roster(PAIRINGS[:1]))
    assert relations(one, {}) == {"big": "responsible", "a": "assisting"}


def test_nothing_is_computed_beyond_the_languages_years() -> None:
    given_ = document(
        duty("a", "quota", {"per": "year", "unit": "次", "at_least": 1}), validity=OPEN
    )
    found = listed(given_, roster(PAIRINGS[:1]), date(2199, 1, 1), date.max, strict=True)
    assert [str(one.due) for one in found] == ["2199-12-31", "2200-12-31"]
    assert listed(given_, roster(), date.max, date.max) == []
    assert listed(given_, roster(), date.min, date.min) == []
