"""Every obligation as a reader wrote it down from the text, against what the program works out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from scheduler.occurrences import Occurrence
from tests.expected.sheets import (
    ENTRIES,
    SHEETS,
    bound,
    document,
    duty,
    entry,
    everything,
    found,
    meant,
    names,
    roster,
)

each_entry = pytest.mark.parametrize(("name", "obligation"), ENTRIES)
each_sheet = pytest.mark.parametrize("name", SHEETS)


@each_sheet
def test_neither_reading_has_an_obligation_that_the_other_lacks(name: str) -> None:
    by_hand = [one["id"] for one in SHEETS[name]["obligations"]]
    assert sorted(by_hand) == sorted(one.id for one in document(name).obligations)


@each_entry
def test_it_rests_on_the_same_words(name: str, obligation: str) -> None:
    written, encoded = entry(name, obligation), duty(name, obligation)
    assert written["kind"] == encoded.kind
    assert written["phrase"] in encoded.phrase
    assert set(written["clauses"]) == set(encoded.clauses)
    assert written["per"] == encoded.per
    assert written.get("before") == encoded.before
    assert written.get("programme") == encoded.programme


@each_entry
def test_the_same_institutions_owe_it(name: str, obligation: str) -> None:
    written, lists = entry(name, obligation), SHEETS[name]["lists"]
    subjects = bound(name, obligation)
    owing = names(written["responsible"], lists)
    if written["per"] == "pairing":
        assert len(subjects) == SHEETS[name]["pairs"]
    elif written["per"] == "document":
        assert [one.id for one in subjects] == ["all"]
    elif "each" in written:
        known = roster(name).institutions
        assert sorted(known[one.id].name for one in subjects) == sorted(lists[written["each"]])
    else:
        assert sorted(one.responsible.name for one in subjects) == sorted(owing)
    for subject in subjects:
        if written["per"] != "institution" or "each" in written:
            assert {subject.responsible.name} == meant(owing, subject, roster(name))
        assert (subject.responsible.id is None) == ("unresolved" in written)
        assert bool(subject.unresolved) == ("unresolved" in written)


@each_entry
def test_the_same_institutions_assist_and_receive(name: str, obligation: str) -> None:
    written, lists = entry(name, obligation), SHEETS[name]["lists"]
    for subject in bound(name, obligation):
        assisting = meant(names(written.get("assisting"), lists), subject, roster(name))
        assert {one.name for one in subject.assisting} == assisting
        receiving = names(written.get("recipients"), lists)
        assert sorted(one.name for one in subject.recipients) == sorted(receiving)


@each_entry
def test_it_counts_the_same(name: str, obligation: str) -> None:
    written, encoded = entry(name, obligation), duty(name, obligation)
    rule = encoded.rule
    if encoded.kind == "quota":
        assert written["quota"] == _count(rule) | ({"each": rule.each} if rule.each else {})
    elif encoded.kind == "rotation":
        assert written["rotation"] == {
            "team": [one.model_dump(exclude_none=True) for one in rule.team],
            "months_at_least": rule.min_months,
            "months_at_most": rule.max_months,
            "of": rule.term_of,
            "full_year": rule.full_year,
            "rotate": rule.rotate,
        }
    else:
        assert "quota" not in written
    amount = getattr(encoded, "amount", None)
    assert written.get("amount") == (_count(amount) if amount else None)
    ways = [(one.by, one.copies, one.to) for one in encoded.submit]
    for way in written.get("submit", ()):
        assert (way["by"], way.get("copies"), way["to"]) in ways


def _count(asked: Any) -> dict[str, Any]:
    return {
        "at_least": asked.at_least, "at_most": asked.at_most, "unit": asked.unit, "per": asked.per,
    }  # fmt: skip


@each_entry
def test_it_falls_on_the_same_days(name: str, obligation: str) -> None:
    written, worked_out = entry(name, obligation), found(name, obligation)
    assert len(worked_out) == len(bound(name, obligation))
    for one in worked_out.values():
        if "windows" in written:
            _compare_windows(written["windows"], one)
        elif "dates" in written:
            listed = [(day.get("opens"), day["due"], day["phase"]) for day in written["dates"]]
            assert [(o.opens, o.due, o.phase) for o in one] == listed
        else:
            assert [o.due for o in one] == [None]


def _compare_windows(written: dict[str, Any], worked_out: list[Occurrence]) -> None:
    until = [one for one in worked_out if one.due and one.due <= written["through"]]
    assert len(until) == written["count"]
    shown = until if len(until) <= 3 else [*until[:3], until[-1]]
    if len(written["listed"]) == len(until):
        shown = until
    assert [(o.opens, o.due, o.quota and o.quota.enforced) for o in shown] == [
        (one["opens"], one["due"], one["enforced"]) for one in written["listed"]
    ]


@each_entry
def test_it_binds_by_the_day_that_what_follows_is_due(name: str, obligation: str) -> None:
    written = entry(name, obligation)
    for series in found(name, obligation).values():
        for one in series:
            assert one.binds_by == written.get("binds_by", one.due)


def _collected() -> Iterator[Any]:
    for name, obligation in ENTRIES:
        for collector, pairs in entry(name, obligation).get("pairings", {}).items():
            yield pytest.param(name, obligation, collector, pairs, id=f"{obligation}-{collector}")


@pytest.mark.parametrize(("name", "obligation", "collector", "pairs"), list(_collected()))
def test_a_collector_answers_for_these_pairings(
    name: str, obligation: str, collector: str, pairs: list[str]
) -> None:
    series = next(
        one for one in found(name, obligation).values() if one[0].responsible.name == collector
    )
    for one in series:
        assert sorted(f"{s.name} → {r.name}" for s, r in one.pairings) == sorted(pairs)


@each_sheet
def test_the_last_working_day_is_the_one_in_the_calendar(name: str) -> None:
    days = SHEETS[name]["last_working_day"]
    seen = set()
    for one in everything(name):
        if one.due in days:
            assert one.last_working_day == days[one.due], one.key
            seen.add(one.due)
    assert seen == set(days)


@each_sheet
def test_every_written_date_of_those_years_was_looked_up(name: str) -> None:
    sheet = SHEETS[name]
    written = {
        day["due"]
        for one in sheet["obligations"]
        for day in one.get("dates", ())
        if day["due"].year in sheet["working_days_of"]
    }
    assert written <= set(sheet["last_working_day"])


@each_sheet
def test_what_the_text_lacks_is_said(name: str) -> None:
    assert SHEETS[name]["missing"] == [one.what for one in document(name).unresolved]


@each_sheet
def test_as_many_pairings_as_the_annex_has_rows(name: str) -> None:
    assert len(roster(name).pairings) == SHEETS[name]["pairs"]


def test_xiongan_leaves_one_programme_and_stays_in_the_other() -> None:
    ((name, programmes),) = SHEETS["hebei-2019"]["membership"].items()
    found_in = roster("hebei-2019").by_name[name]
    terms = {
        one.programme: one.until
        for one in roster("hebei-2019").members
        if one.institution == found_in.id
    }
    assert terms == {programme: term["until"] for programme, term in programmes.items()}
    others = [
        one for one in roster("hebei-2019").members if one.until and one.institution != found_in.id
    ]
    assert others == []
