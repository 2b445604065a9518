"""The report of a document's schedule, against schedules whose faults are known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from scheduler.loading import ROSTERS, folders, load
from scheduler.records import Term
from scheduler.shift_report import objects, sheets
from workflows.library import DOCUMENTS

LOADED = load(folders(None, DOCUMENTS), folders(None, ROSTERS))


def day(text: str) -> date:
    return date.fromisoformat(text)


def pairings(document: str) -> list[tuple[str, str]]:
    return [(p.supporter, p.recipient) for p in LOADED.rosters[document].pairings]


def term(document: str, pair: tuple[str, str], from_: str, until: str, people: int, *who: str) -> Term:
    return Term(1, document, *pair, day(from_), day(until), people, "", who)


def report(document: str, *terms: Term, first: str, last: str) -> list[dict[str, Any]]:
    roster = LOADED.rosters[document]
    return objects(sheets(LOADED.documents[document], roster, terms, day(first), day(last)), roster)


def findings(rows: list[dict[str, Any]], pair: tuple[str, str]) -> list[tuple[str, str, str]]:
    return [
        (row["finding"], row["from"], row["until"])
        for row in rows
        if "finding" in row and row["pairing"] == ".".join(pair)
    ]


def coverage(rows: list[dict[str, Any]], pair: tuple[str, str]) -> dict[str, Any]:
    (found,) = [r for r in rows if "coverage_percent" in r and r["pairing"] == ".".join(pair)]
    return found


def test_an_empty_schedule_is_one_gap_for_each_pairing() -> None:
    rows = report("hubei-2022", first="2022-01-01", last="2022-12-31")
    many = len(pairings("hubei-2022"))
    assert len(rows) == 2 * many
    gaps = [row for row in rows if row.get("finding") == "gap"]
    # It binds from April on.
    assert {(g["from"], g["until"]) for g in gaps} == {("2022-04-01", "2023-01-01")}
    assert all(g["enforced"] for g in gaps)
    assert {row["coverage_percent"] for row in rows[many:]} == {0.0}


def test_a_hubei_hospital_of_chinese_medicine_with_a_small_team_and_a_gap() -> None:
    roster = LOADED.rosters["hubei-2022"]
    tcm = next(p for p in pairings("hubei-2022") if roster.institutions[p[1]].type == "tcm")
    general = next(p for p in pairings("hubei-2022") if roster.institutions[p[1]].type == "general")
    rows = report(
        "hubei-2022",
        term("hubei-2022", tcm, "2023-01-01", "2023-07-01", 2),
        term("hubei-2022", tcm, "2023-07-16", "2024-01-16", 3),
        term("hubei-2022", general, "2022-10-01", "2023-05-01", 5),
        term("hubei-2022", general, "2023-04-01", "2023-09-30", 4),
        first="2023-01-01",
        last="2023-12-31",
    )  # fmt: skip
    assert findings(rows, tcm) == [
        ("small-team", "2023-01-01", "2023-07-01"),
        ("handover", "2023-06-30", "2023-07-01"),
        ("gap", "2023-07-01", "2023-07-16"),
    ]
    assert coverage(rows, tcm)["coverage_percent"] == 95.89
    assert findings(rows, general) == [
        ("overlap", "2023-04-01", "2023-05-01"),
        ("short-term", "2023-04-01", "2023-09-30"),
        ("small-team", "2023-04-01", "2023-09-30"),
        ("handover", "2023-04-30", "2023-05-01"),
        ("handover", "2023-09-29", "2023-09-30"),
        ("gap", "2023-09-30", "2024-01-01"),
    ]
    assert coverage(rows, general)["years"] == [{"year": 2023, "coverage_percent": 74.52}]


def test_guangxi_names_gaps_and_does_not_hold_them_against_anybody() -> None:
    pair = pairings("guangxi-2019")[0]
    rows = report(
        "guangxi-2019",
        term("guangxi-2019", pair, "2019-08-01", "2020-02-01", 3),
        first="2019-07-01",
        last="2020-12-31",
    )
    gaps = [r for r in rows if r.get("finding") == "gap" and r["pairing"] == ".".join(pair)]
    assert [(g["from"], g["until"], g["enforced"]) for g in gaps] == [
        ("2019-07-11", "2019-08-01", False),
        ("2020-02-01", "2021-01-01", False),
    ]
    assert [f[0] for f in findings(rows, pair)] == ["gap", "handover", "gap"]
    assert [y["year"] for y in coverage(rows, pair)["years"]] == [2019, 2020]


def test_horqin_s_people_and_one_of_them_at_two_sites() -> None:
    one, two = pairings("horqin-2023")[:2]
    rows = report(
        "horqin-2023",
        term("horqin-2023", one, "2023-03-01", "2023-06-01", 1, "P1"),
        term("horqin-2023", one, "2023-06-01", "2023-09-01", 1, "P1"),
        term("horqin-2023", two, "2023-08-01", "2023-12-01", 2, "P1", "P2"),
        first="2023-02-13",
        last="2023-12-31",
    )
    assert findings(rows, one) == [
        ("gap", "2023-02-13", "2023-03-01"),
        ("handover", "2023-05-31", "2023-06-01"),
        ("double-placed", "2023-08-01", "2023-09-01"),
        ("handover", "2023-08-31", "2023-09-01"),
        ("gap", "2023-09-01", "2024-01-01"),
    ]
    assert findings(rows, two).count(("short-term", "2023-08-01", "2023-12-01")) == 2
    assert ("double-placed", "2023-08-01", "2023-09-01") in findings(rows, two)


def test_one_person_of_two_documents_is_found_from_either() -> None:
    here, there = pairings("hubei-2022")[0], pairings("horqin-2023")[0]
    terms = [
        term("hubei-2022", here, "2023-03-01", "2023-09-01", 5, "P1"),
        term("horqin-2023", there, "2023-08-01", "2024-02-01", 1, "P1"),
    ]
    for document, pair in (("hubei-2022", here), ("horqin-2023", there)):
        rows = report(document, *terms, first="2023-01-01", last="2023-12-31")
        assert ("double-placed", "2023-08-01", "2023-09-01") in findings(rows, pair)
        said = [row["detail"] for row in rows if row.get("finding") == "double-placed"]
        assert ("horqin-2023" if document == "hubei-2022" else "hubei-2022") in said[0]


def test_a_document_without_a_rotation_has_a_schedule_all_the_same() -> None:
    (pair,) = pairings("shaoxing-2017")
    rows = report(
        "shaoxing-2017",
        term("shaoxing-2017", pair, "2017-09-01", "2017-12-01", 2),
        first="2017-01-01",
        last="2017-12-31",
    )
    # The pairing began on 4 June, the document binds from 30 August.
    assert findings(rows, pair) == [
        ("gap", "2017-08-30", "2017-09-01"),
        ("handover", "2017-11-30", "2017-12-01"),
        ("gap", "2017-12-01", "2018-01-01"),
    ]


def test_a_window_outside_the_validity_lists_nobody() -> None:
    assert report("horqin-2023", first="2025-01-01", last="2025-12-31") == []


def test_a_later_wording_holds_for_the_terms_that_begin_under_it() -> None:
    from workflows.document import RotationChange
    from workflows.kinds import RotationRule

    document, roster = LOADED.documents["horqin-2023"], LOADED.rosters["horqin-2023"]
    duty = next(one for one in document.obligations if one.kind == "rotation")
    change = RotationChange.model_validate(
        {"from": day("2023-07-01"), "rule": RotationRule(term_of="batch", min_months=3)}
    )
    edited = document.model_copy(
        update={"obligations": (duty.model_copy(update={"changes": (change,)}),)}
    )
    pair = pairings("horqin-2023")[0]
    before = term("horqin-2023", pair, "2023-03-01", "2023-07-01", 1)
    after = replace(before, from_=day("2023-07-01"), until=day("2023-11-01"))
    found = sheets(edited, roster, [before, after], day("2023-03-01"), day("2023-10-31"))
    held = next(sheet for sheet in found if sheet.pairing.id == ".".join(pair))
    assert [f.from_ for f in held.findings if f.what == "short-term"] == [day("2023-03-01")]
