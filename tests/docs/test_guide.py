"""The guide for writing a document: its example holds, its fragments and its keys are the real."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scheduler.loading import Loaded, load
from scheduler.occurrences import Occurrence, occurrences
from tests.docs.pages import DOCS, blocks, sections, table, text
from workflows.document import Document
from workflows.kinds import KINDS
from workflows.library import DOCUMENTS

EXAMPLE = DOCS / "example"
GUIDE = text("docs/writing-a-document.md")
NAME = "shili-2027"

SECTIONS: dict[str, tuple[str, ...]] = {
    "整个文件": ("Document",),
    "validity": ("Validity",),
    "in_force_from": ("InForce",),
    "unresolved 的每一项": ("Unresolved",),
    "programmes 的每一项": ("Programme",),
    "角色": ("Role",),
    "ladder 的每一档": ("Rung",),
    "事项": (
        "Once", "Recurring", "Fuzzy", "Quota", "Rotation", "Event", "Target", "Window", "Standing",
    ),
    "submit 的每一项": ("Submission",),
    "interpretation": ("Interpretation",),
    "changes 的每一项": (
        "OnceChange", "RecurringChange", "FuzzyChange", "QuotaChange", "RotationChange",
    ),
    "amount": ("Amount",),
    "once 的 rule": ("OnceRule",),
    "recurring 的 rule": ("RecurringRule",),
    "dates 的每一项": ("DatedEntry",),
    "fuzzy 的 rule": ("FuzzyRule",),
    "quota 的 rule": ("QuotaRule",),
    "rotation 的 rule": ("RotationRule",),
    "team 的每一项": ("TeamSize",),
    "event 的 rule": ("EventRule",),
    "target 的 rule": ("TargetRule",),
    "window 的 rule": ("WindowRule",),
    "standing 的 rule": ("StandingRule",),
}  # fmt: skip


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load([EXAMPLE], [EXAMPLE / "rosters"])


@pytest.fixture(scope="module")
def dated(loaded: Loaded) -> list[Occurrence]:
    return occurrences(
        loaded.documents[NAME], loaded.rosters[NAME], loaded.workdays,
        date(2027, 1, 1), date(2028, 12, 31),
    )  # fmt: skip


def models() -> dict[str, dict[str, Any]]:
    schema = Document.model_json_schema(by_alias=True)
    return {"Document": schema, **schema["$defs"]}


def test_the_example_has_the_one_warning_that_the_guide_prints(loaded: Loaded) -> None:
    assert [(p.code, p.line, p.column) for p in loaded.problems] == [("W001", 18, 5)]
    assert f"docs/example/{NAME}.yaml:18:5: W001" in GUIDE


def test_the_example_is_added_beside_the_bundled_documents_without_code() -> None:
    rosters = Path(__file__).parents[2] / "config" / "rosters"
    together = load([EXAMPLE, DOCUMENTS], [EXAMPLE / "rosters", rosters])
    assert NAME in together.documents
    assert len(together.documents) == 6


def test_the_example_has_every_kind(loaded: Loaded) -> None:
    duties = loaded.documents[NAME].obligations
    assert {duty.kind for duty in duties} == set(KINDS)
    for kind in KINDS:
        assert f"\n### {kind}：" in GUIDE


def test_dates_are_those_written_by_hand(dated: list[Occurrence]) -> None:
    by_hand = [row[:3] for row in table(GUIDE.split("<!-- expected -->")[1])]
    computed = [
        [str(one.due), one.responsible.name, one.title]
        for one in dated
        if one.due and one.kind not in ("quota", "rotation")
    ]
    assert sorted(by_hand) == sorted(computed)


def test_signing_binds_by_the_day_of_filing(dated: list[Occurrence]) -> None:
    signing = [one for one in dated if one.obligation == "agreement-signing"]
    assert {(one.due, one.binds_by) for one in signing} == {(date(2027, 3, 31), date(2027, 3, 22))}


def test_fragments_of_the_guide_stand_in_the_example() -> None:
    whole = (EXAMPLE / f"{NAME}.yaml").read_text(encoding="utf-8")
    fragments = blocks(GUIDE, "yaml")
    assert len(fragments) > 15
    for fragment in fragments:
        assert fragment in whole
    rows = {
        line
        for path in (EXAMPLE / "rosters" / NAME).glob("*.csv")
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    for fragment in blocks(GUIDE, "csv"):
        assert set(fragment.splitlines()) <= rows


def test_phrases_of_the_example_stand_in_its_notice(loaded: Loaded) -> None:
    notice = (EXAMPLE / "notice.txt").read_text(encoding="utf-8")
    for duty in loaded.documents[NAME].obligations:
        wordings = [duty.phrase, *(c.phrase for c in getattr(duty, "changes", ()) if c.phrase)]
        for phrase in wordings:
            assert notice.count(phrase) == 1


def test_every_type_of_the_language_has_its_table_of_keys() -> None:
    documented = {name for names in SECTIONS.values() for name in names}
    assert documented == set(models())


@pytest.mark.parametrize("heading", SECTIONS)
def test_keys_are_those_of_the_schema(heading: str) -> None:
    found = models()
    described = [found[name] for name in SECTIONS[heading]]
    keys = {key for model in described for key in model["properties"]}
    needed = {key for key in keys if all(key in model.get("required", ()) for model in described)}
    rows = table(sections(GUIDE, 3)[heading])
    assert {row[0].strip("`") for row in rows} == keys
    assert {row[0].strip("`") for row in rows if row[1] == "✓"} == needed
    for row in rows:
        assert row[2]


def test_columns_of_the_rosters_are_described() -> None:
    for path in (EXAMPLE / "rosters" / NAME).glob("*.csv"):
        head = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        part = GUIDE.split(f"**{path.name}**")[1]
        named = {name.strip(" `") for row in table(part) for name in row[0].split("、")}
        assert named == set(head)
