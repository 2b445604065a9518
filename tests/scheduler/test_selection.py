"""The filters of ``deadlines``: each leaves out exactly what was not asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

from scheduler.loading import Loaded, load
from scheduler.selection import Selection, select

KINDS = (
    "once", "recurring", "fuzzy", "quota", "rotation", "event", "target", "window", "standing",
)  # fmt: skip
PHASES = ("pre-issue", "core", "open-ended", "contested")


@cache
def loaded() -> Loaded:
    return load()


def whole() -> Selection:
    return Selection(
        tuple(loaded().documents),
        date(2019, 1, 1),
        date(2020, 12, 31),
        KINDS,
        PHASES,
        dateless=True,
    )


@cache
def everything() -> tuple[dict[str, Any], ...]:
    return tuple(select(loaded(), whole()))


def test_by_due_date_then_key_with_what_has_no_date_first() -> None:
    order = [(one["due"] or "", one["key"]) for one in everything()]
    assert order == sorted(order)
    assert order[0][0] == ""


def test_both_ends_of_the_window_are_included() -> None:
    days = sorted({one["due"] for one in everything() if one["due"]})
    first, last = days[3], days[-3]
    chosen = replace(
        whole(), start=date.fromisoformat(first), end=date.fromisoformat(last), dateless=False
    )
    found = select(loaded(), chosen)
    assert found == [one for one in everything() if one["due"] and first <= one["due"] <= last]
    assert {found[0]["due"], found[-1]["due"]} == {first, last}


def test_each_kind_and_phase_and_document_is_a_part_of_the_whole() -> None:
    parts: Counter[str] = Counter()
    for kind in KINDS:
        found = select(loaded(), replace(whole(), kinds=(kind,)))
        assert {one["kind"] for one in found} == {kind}
        parts["kinds"] += len(found)
    for phase in PHASES:
        found = select(loaded(), replace(whole(), phases=(phase,)))
        assert {one["phase"] for one in found} <= {phase}
        parts["phases"] += len(found)
    for name in loaded().documents:
        found = select(loaded(), replace(whole(), documents=(name,)))
        assert {one["document"] for one in found} == {name}
        parts["documents"] += len(found)
    assert set(parts.values()) == {len(everything())}


def test_what_has_no_date_is_listed_only_when_asked_for() -> None:
    assert all(one["due"] for one in select(loaded(), replace(whole(), dateless=False)))
    assert any(one["due"] is None for one in everything())


def test_an_institution_sees_what_touches_it_with_its_relation() -> None:
    roster = loaded().rosters["guangxi-2019"]
    pair = roster.pairings[0]
    hospital = roster.institutions[pair.recipient]
    found = select(loaded(), replace(whole(), institution=hospital.name))
    assert found == select(loaded(), replace(whole(), institution=hospital.id))
    assert {one["document"] for one in found} == {"guangxi-2019"}
    assert {one["relation"] for one in found} <= {
        "responsible",
        "assisting",
        "concerned",
        "receiver",
    }
    for one in found:
        named = [name for both in one["pairings"] for name in both.values()]
        if one["relation"] == "responsible":
            assert one["responsible_id"] == hospital.id
        elif one["relation"] == "assisting":
            assert hospital.name in one["assisting"]
        else:
            assert hospital.name in (*named, *one["recipients"])
    keys = {one["key"] for one in found}
    for one in everything():
        if one["responsible_id"] == hospital.id or hospital.name in one["assisting"]:
            assert one["document"] != "guangxi-2019" or one["key"] in keys


def test_a_city_sees_that_another_citys_list_does_not_concern_it() -> None:
    found = select(loaded(), replace(whole(), institution="南宁市中医药主管部门"))
    filed = [one for one in found if one["relation"] == "responsible"]
    assert filed
    assert all(one["responsible"] == "南宁市中医药主管部门" for one in filed)
    others = [
        one for one in everything()
        if one["responsible"] == "柳州市中医药主管部门" and not one["assisting"]
    ]  # fmt: skip
    assert others
    assert not {one["key"] for one in others} & {one["key"] for one in found}


def test_an_unknown_institution_touches_nothing() -> None:
    assert select(loaded(), replace(whole(), institution="没有这一家")) == []
