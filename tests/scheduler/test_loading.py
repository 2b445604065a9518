"""Workflows and rosters read together: what does not fit is said, and the rest still stands."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from config.tables import TABLES
from scheduler.loading import ROSTERS, folders, from_texts, load, tables_as_json
from tests.workflows.samples import duty, head
from workflows.library import DOCUMENTS

INSTITUTIONS = """\
id,name,kind,authority,direct,government
province,省局,authority,,,
north,北市局,authority,province,,
big,大医院,hospital,province,yes,
a,甲县医院,hospital,north,,
"""
PAIRINGS = "id,supporter,recipient,programme\nbig.a,big,a,\n"
MEMBERS = "group,institution,programme\ndesks,north,\n"
SIMPLE = {
    "supporter": {"name": "支援医院", "side": "supporter"},
    "city": {"name": "市", "side": "recipient", "take": "authority"},
    "bureau": {"name": "省局", "institution": "province"},
    "desks": {"name": "各市", "group": "desks"},
}


def house(
    tmp_path: Path,
    roles: dict[str, Any] | None = None,
    institutions: str = INSTITUTIONS,
    pairings: str = PAIRINGS,
    members: str = MEMBERS,
    **named: Any,
) -> tuple[list[str], set[str]]:
    """Write one document with its roster; return the codes of the problems and what is loaded."""
    workflows, rosters = tmp_path / "workflows", tmp_path / "rosters"
    workflows.mkdir()
    folder = rosters / "sample-2019"
    folder.mkdir(parents=True)
    values = head(
        obligations=[duty("report", "once", {"on": "2020-06-30"}, **named)],
        roles=SIMPLE | (roles or {}),
    )
    (workflows / "sample-2019.yaml").write_text(json.dumps(values, ensure_ascii=False), "utf-8")
    for name, compact in zip(TABLES, (institutions, pairings, members), strict=True):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, TABLES[name], restval="")
            writer.writeheader()
            writer.writerows(csv.DictReader(io.StringIO(compact)))
    found = load([workflows], [rosters])
    for problem in found.problems:
        assert problem.line >= 1
        assert problem.path.startswith(str(tmp_path))
    return [problem.code for problem in found.problems], set(found.documents)


def test_what_fits_is_loaded_without_a_word(tmp_path: Path) -> None:
    assert house(tmp_path) == ([], {"sample-2019"})


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("X002", {"roles": {"bureau": {"name": "省局", "institution": "elsewhere"}}}),
        ("X002", {"institutions": INSTITUTIONS.replace("province", "bureau")}),
        ("X003", {"roles": {"desks": {"name": "各市", "group": "cities"}}}),
        ("X004", {"pairings": "id,supporter,recipient,programme\nbig.a,big,a,village\n"}),
        ("X004", {"members": "group,institution,programme\ndesks,north,village\n"}),
        ("X005", {"institutions": INSTITUTIONS.replace("hospital,north", "hospital,")}),
        (
            "X005",
            {"roles": {"county": {"name": "县", "side": "recipient", "take": "government"}}},
        ),
        ("X006", {"pairings": "id,supporter,recipient,programme\n"}),
    ],
)
def test_what_a_document_asks_of_its_roster_in_vain_is_said(
    tmp_path: Path, code: str, changed: dict[str, Any]
) -> None:
    codes, documents = house(tmp_path, **changed)
    assert code in codes
    assert documents == set()


def test_who_reports_directly_needs_no_authority(tmp_path: Path) -> None:
    roles = {"reporter": {"name": "直报", "side": "supporter", "take": "reporter"}}
    without = INSTITUTIONS.replace("大医院,hospital,province,yes", "大医院,hospital,,yes")
    assert house(tmp_path, roles, institutions=without) == ([], {"sample-2019"})


def test_a_document_without_a_roster_is_left_out_and_named(tmp_path: Path) -> None:
    shutil.copy(DOCUMENTS / "horqin-2023.yaml", tmp_path)
    found = load([tmp_path], [tmp_path / "rosters"])
    assert found.documents == {}
    assert "X001" in [problem.code for problem in found.problems]
    assert found.faulty


def test_the_admins_own_files_stand_in_place_of_the_bundled_ones(tmp_path: Path) -> None:
    text = (DOCUMENTS / "horqin-2023.yaml").read_text("utf-8")
    own = text.replace("on: 2023-02-20", "on: 2023-02-24")
    assert own != text
    (tmp_path / "horqin-2023.yaml").write_text(own, "utf-8")
    found = load(folders(tmp_path, DOCUMENTS), [ROSTERS])
    assert len(found.documents) == 5
    rules = {duty.id: duty.rule for duty in found.documents["horqin-2023"].obligations}
    assert str(rules["file"].on) == "2023-02-24"
    assert found.texts["horqin-2023"][0] == own
    assert folders(None, DOCUMENTS) == [DOCUMENTS]


def test_one_document_alone_is_the_same_as_among_all() -> None:
    alone, among = load(only="hubei-2022"), load()
    assert set(alone.documents) == {"hubei-2022"}
    assert alone.documents["hubei-2022"] == among.documents["hubei-2022"]
    assert alone.rosters["hubei-2022"] == among.rosters["hubei-2022"]
    assert not among.faulty
    assert {problem.severity for problem in among.problems} == {"warning"}


def test_a_broken_file_hides_no_other(tmp_path: Path) -> None:
    workflows = tmp_path / "workflows"
    shutil.copytree(DOCUMENTS, workflows)
    (workflows / "hebei-2019.yaml").write_bytes(b"id: [\xff")
    found = load([workflows], [ROSTERS])
    assert set(found.documents) == {"guangxi-2019", "shaoxing-2017", "horqin-2023", "hubei-2022"}
    assert found.faulty


def test_an_applied_version_is_read_from_its_texts_as_from_its_files() -> None:
    found = load()
    for name, (text, tables) in found.texts.items():
        document, roster = from_texts(text, tables)
        assert (document, roster) == (found.documents[name], found.rosters[name])
        stored = tables_as_json(tables)
        assert json.loads(stored) == tables
        assert tables_as_json(dict(reversed(tables.items()))) == stored


def test_an_applied_version_that_cannot_be_read_says_why() -> None:
    text, tables = load().texts["horqin-2023"]
    with pytest.raises(ValueError, match="Y013"):
        from_texts("", tables)
    with pytest.raises(ValueError, match="R"):
        from_texts(text, {name: cells for name, cells in tables.items() if "inst" not in name})
