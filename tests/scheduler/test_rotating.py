"""Recorded terms become terms, handovers and gaps, without a look at the present day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.ladder import climbs, fitted, steps
from scheduler.loading import from_texts
from scheduler.occurrences import Occurrence, occurrences
from scheduler.records import Records, Term
from tests.scheduler.house import TABLES, WORKDAYS, WORKFLOW, ZONE

STATIONING = """\
  - id: stationing
    title: 驻点帮扶
    kind: rotation
    clauses: [八]
    phrase: 每批不少于6个月
    per: pairing
    responsible: supporter
    assisting: [recipient]
    rule: {term_of: batch, min_months: 6, team: [{at_least: 5}], full_year: true, rotate: true}
  - id: tasks
    title: 每批任务清单
    kind: quota
    clauses: [九]
    phrase: 量化的任务清单
    per: pairing
    responsible: supporter
    rule: {per: shift, at_least: 1, unit: 份}
"""
ROTATING = WORKFLOW + STATIONING
LOOSE = ROTATING.replace(", full_year: true, rotate: true", "")
PREFIX = "pair-2025/stationing/da.xiao/"


def day(text: str) -> date:
    return date.fromisoformat(text)


def term(
    from_: str, until: str, people: int = 5, id_: int = 1, recorded: str | None = None
) -> Term:
    known = day(recorded) if recorded else None
    return Term(
        id_, "pair-2025", "da", "xiao", day(from_), day(until), people, recorded_on=known
    )


def rows(
    *terms: Term,
    workflow: str = ROTATING,
    tables: dict[str, str] = TABLES,
    obligation: str = "stationing",
    until: str = "2028-12-31",
    withdrawn: tuple[Term, ...] = (),
) -> dict[str, Occurrence]:
    """Return an obligation's rows by what is behind the pairing in their keys."""
    document, roster = from_texts(workflow, tables)
    ordered = tuple(sorted(terms, key=lambda t: (t.from_, t.until, t.id)))
    records = Records(ordered, (), withdrawn)
    found = occurrences(document, roster, WORKDAYS, date.min, day(until), records=records)
    return {
        one.key.rpartition("/")[2]: one
        for one in sorted(fitted(found), key=lambda one: one.opens or one.due or date.min)
        if one.obligation == obligation
    }


def test_while_nothing_is_recorded_the_years_stay_and_nobody_is_reminded() -> None:
    found = rows()
    assert list(found) == ["2025", "2026", "2027", "2028"]
    assert not any(climbs(one) for one in found.values())
    assert found == rows(term("2024-01-01", "2024-02-01"))  # before the document binds


def test_a_term_a_handover_and_a_gap() -> None:
    found = rows(term("2026-04-01", "2026-10-01"))
    assert list(found) == ["term-2026-04-01", "handover-2026-09-30", "gap-2026-10-01"]
    stay, handover, gap = found.values()
    assert (stay.opens, stay.due, stay.title, stay.rungs) == (
        day("2026-04-01"), day("2026-09-30"), "驻点期（5人）", (),
    )  # fmt: skip
    assert handover.rungs == (("before-60d", "responsible"), ("before-14d", "responsible"))
    assert handover.title == "驻点期满轮换（本批5人）"
    assert handover.summary == "2026年10月1日起由下一批接替；下一批尚未登记，将出现空档"
    assert (handover.responsible.id, [one.id for one in handover.assisting]) == ("da", ["xiao"])
    assert gap.due == day("2026-10-01")
    assert gap.rungs == (
        ("after-1wd", "responsible"), ("after-5wd", "coordinator"), ("after-10wd", "issuer"),
    )  # fmt: skip
    assert [climbs(one) for one in found.values()] == [False, True, True]


def test_sixty_days_before_it_ends_the_handover_is_told() -> None:
    handover = rows(term("2026-04-01", "2026-10-01"))["handover-2026-09-30"]
    first = steps(handover, WORKDAYS, ZONE)[0]
    assert first.rung == "before-60d"
    assert (day("2026-09-30") - first.nominal).days == 60


def test_a_next_term_removes_the_gap_and_softens_the_handover() -> None:
    first, second = term("2026-04-01", "2026-10-01"), term("2026-10-01", "2027-04-01", 6, 2)
    found = rows(first, second)
    assert list(found) == [
        "term-2026-04-01", "handover-2026-09-30",
        "term-2026-10-01", "handover-2027-03-31", "gap-2027-04-01",
    ]  # fmt: skip
    assert found["handover-2026-09-30"].rungs == (("before-60d", "responsible"),)
    assert found["handover-2026-09-30"].summary == "2026年10月1日起由下一批（6人）接替，已登记"


def test_a_next_term_that_comes_late_leaves_a_gap_with_an_end() -> None:
    found = rows(term("2026-04-01", "2026-10-01"), term("2026-10-20", "2027-04-20", 5, 2))
    gap = found["gap-2026-10-01"]
    assert gap.summary == "2026年10月1日起没有登记派驻人员，至2026年10月19日"
    # The tenth working day after 1 October 2026 lies behind its end: nobody is told any more.
    assert [rung for rung, _ in gap.rungs] == ["after-1wd", "after-5wd"]
    assert "10月1日至10月19日将出现空档" in str(found["handover-2026-09-30"].summary)
    assert len(found["handover-2026-09-30"].rungs) == 2


def test_before_the_first_term_there_is_no_gap() -> None:
    assert min(rows(term("2026-04-01", "2026-10-01"))) == "gap-2026-10-01"


def test_where_the_text_does_not_ask_for_the_whole_year_no_gap_is_told() -> None:
    found = rows(term("2026-04-01", "2026-10-01"), workflow=LOOSE)
    assert list(found) == ["term-2026-04-01", "handover-2026-09-30"]
    assert found["handover-2026-09-30"].title == "驻点期满（本批5人）"
    assert "没有要求" in str(found["handover-2026-09-30"].summary)


@pytest.mark.parametrize("until", ["2029-01-01", "2029-02-01"])
def test_the_last_term_of_a_document_is_not_handed_over(until: str) -> None:
    found = rows(term("2028-07-01", until), until="2029-12-31")
    assert list(found) == ["term-2028-07-01"]


def test_the_last_term_of_a_pairing_is_not_handed_over() -> None:
    dated = TABLES["pairings.csv"].replace("行,,,,,", "行,,,2026-01-01,2027-01-01,")
    found = rows(term("2026-07-01", "2027-01-01"), tables=TABLES | {"pairings.csv": dated})
    assert list(found) == ["term-2026-07-01"]


def test_two_terms_of_one_day_have_keys_of_their_own() -> None:
    one, two = term("2026-04-01", "2026-10-01", 1, 7), term("2026-04-01", "2026-08-01", 1, 8)
    found = rows(one, two)
    assert found["term-2026-04-01"].due == day("2026-09-30")
    assert found["term-2026-04-01-2"].due == day("2026-07-31")
    assert found["handover-2026-07-31"].rungs == (("before-60d", "responsible"),)


def test_who_learns_of_a_gap_while_it_lasts_is_told_from_the_first_rung_on() -> None:
    gap = rows(term("2026-01-01", "2026-07-01", recorded="2026-09-10"))["gap-2026-07-01"]
    assert (gap.opens, gap.due) == (day("2026-07-01"), day("2026-09-10"))
    assert steps(gap, WORKDAYS, ZONE)[0].at.date() == day("2026-09-11")


def test_a_gap_that_was_over_before_anybody_knew_keeps_its_day() -> None:
    found = rows(
        term("2026-01-01", "2026-07-01", recorded="2026-09-10"),
        term("2026-08-01", "2027-02-01", 5, 2, recorded="2026-09-10"),
    )
    assert found["gap-2026-07-01"].due == day("2026-07-01")


def test_a_term_taken_back_leaves_a_gap_that_is_known_from_that_day() -> None:
    first = term("2026-01-01", "2026-07-01", recorded="2026-01-02")
    gone = replace(
        term("2026-07-01", "2027-01-01", 5, 2, recorded="2026-06-01"), withdrawn_on=day("2026-08-05")
    )
    assert rows(first, withdrawn=(gone,))["gap-2026-07-01"].due == day("2026-08-05")


def test_a_corrected_term_does_not_make_its_gap_younger() -> None:
    wrong = replace(
        term("2026-01-01", "2026-07-01", 4, 1, "2026-01-02"), withdrawn_on=day("2026-07-09")
    )
    right = term("2026-01-01", "2026-07-01", 5, 2, recorded="2026-07-09")
    assert rows(right, withdrawn=(wrong,))["gap-2026-07-01"].due == day("2026-07-01")


def test_another_least_term_changes_nothing_that_follows_from_terms() -> None:
    first = term("2026-04-01", "2026-10-01")
    assert rows(first) == rows(first, workflow=ROTATING.replace("min_months: 6", "min_months: 9"))


def test_windows_of_terms_take_the_place_of_years() -> None:
    assert list(rows(obligation="tasks")) == ["2025", "2026", "2027", "2028"]
    found = rows(
        term("2024-10-01", "2025-04-01"), term("2026-04-01", "2026-10-01", 5, 2), obligation="tasks"
    )
    assert [(k, o.opens, o.due, o.quota and o.quota.enforced) for k, o in found.items()] == [
        ("2024-10-01", day("2025-01-10"), day("2025-03-31"), False),  # begun before it binds
        ("2026-04-01", day("2026-04-01"), day("2026-09-30"), True),
    ]


@settings(deadline=None)  # the first example reads the year's workdays
@given(
    st.lists(st.tuples(st.integers(0, 700), st.integers(1, 200)), min_size=1, max_size=5, unique=True),
    st.randoms(),
)
def test_keys_are_unique_and_the_order_of_recording_is_of_no_account(
    found: list[tuple[int, int]], dice
) -> None:  # type: ignore[no-untyped-def]
    start = date(2026, 1, 1)
    terms = [
        term(str(start + timedelta(days=a)), str(start + timedelta(days=a + n)), 5, id_)
        for id_, (a, n) in enumerate(found)
    ]
    mixed = list(terms)
    dice.shuffle(mixed)
    once = rows(*terms)
    assert rows(*mixed) == once
    assert sum(key.startswith("term-") for key in once) == len(terms)
    held = {t.from_ + timedelta(days=n) for t in terms for n in range((t.until - t.from_).days)}
    for key, one in once.items():
        if key.startswith("gap-"):
            assert one.due not in held
