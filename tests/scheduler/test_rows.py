"""What is printed and stored of an occurrence: a pinned set of fields, and nothing lost."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import pytest

from scheduler.loading import Loaded, load
from scheduler.occurrences import Occurrence, occurrences
from scheduler.rows import FIELDS, decode, encode, row

NAMES = ("guangxi-2019", "shaoxing-2017", "hebei-2019", "horqin-2023", "hubei-2022")
PINNED = [
    "key", "document", "obligation", "title", "kind", "programme", "period", "opens", "due",
    "last_working_day", "provisional", "phase", "reading", "clauses", "phrase", "responsible",
    "responsible_id", "unresolved", "assisting", "recipients", "submit", "binds_by", "pairings",
    "quota", "relation", "status", "extended_to",
]  # fmt: skip


@cache
def loaded() -> Loaded:
    return load()


def found(name: str) -> list[Occurrence]:
    held = loaded()
    return occurrences(
        held.documents[name],
        held.rosters[name],
        held.workdays,
        date(2017, 1, 1),
        date(2026, 12, 31),
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_is_stored_is_read_again_as_it_was(name: str) -> None:
    for one in found(name):
        text = encode(one)
        again = decode(text)
        assert again == one
        assert encode(again) == text
        assert repr(again) == repr(one)  # digests are made of it


@pytest.mark.parametrize("name", NAMES)
def test_the_fields_of_a_row_are_fixed_and_json(name: str) -> None:
    kinds: dict[str, set[type]] = {}
    for one in found(name):
        printed: dict[str, Any] = row(one, "responsible", "open")
        assert list(printed) == PINNED == list(FIELDS)
        assert json.loads(json.dumps(printed)) == printed
        for submission in printed["submit"]:
            assert list(submission) == ["by", "what", "copies", "to"]
        for pair in printed["pairings"]:
            assert list(pair) == ["supporter", "recipient"]
        if printed["quota"] is not None:
            assert list(printed["quota"]) == ["at_least", "at_most", "unit", "per", "enforced"]
        for field, value in printed.items():
            kinds.setdefault(field, set()).add(type(value))
    assert kinds["provisional"] == {bool}
    for field in ("clauses", "assisting", "recipients", "submit", "pairings"):
        assert kinds[field] == {list}
    for field in ("key", "document", "title", "kind", "period", "phase", "phrase", "responsible"):
        assert kinds[field] == {str}


def test_any_occurrence_differs_in_its_text_where_it_differs() -> None:
    one = next(o for o in found("guangxi-2019") if o.submit and o.due)
    assert one.due is not None
    for other in (
        replace(one, due=date(2030, 1, 1)),
        replace(one, submit=()),
        replace(one, assisting=one.recipients),
        replace(one, quota=None, summary="另说"),
        replace(one, rungs=()),
    ):
        assert decode(encode(other)) == other
        assert encode(other) != encode(one)
