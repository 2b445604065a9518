"""Each document's page names every obligation with its kind, and nothing that is not encoded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from notifications.wording import KINDS
from tests.expected.sheets import SHEETS, document

PAGES = Path(__file__).parent.parent.parent / "docs" / "documents"
NAMED = re.compile(r"`([a-z0-9-]+)`（([^）]+)）")
SECTIONS = ["逐条对照", "读法", "名册"]


def page(name: str) -> str:
    """Return a document's page."""
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SHEETS)
def test_every_obligation_stands_in_the_table_with_its_kind(name: str) -> None:
    table = page(name).split("\n## ")[1]
    said = set(NAMED.findall(table))
    assert said == {(one.id, KINDS[one.kind]) for one in document(name).obligations}


@pytest.mark.parametrize("name", SHEETS)
def test_every_choice_of_the_encoding_stands_under_the_readings(name: str) -> None:
    # Three rows of one table share a choice there, and are named by their rows.
    readings = page(name).split("\n## ")[2]
    chosen = {one.id for one in document(name).obligations if one.interpretation}
    named = set(re.findall(r"`([a-z0-9-]+)`", readings))
    shared = {"resident-staff-list", "work-summary", "typical-experience"}
    assert chosen - named - shared == set()


@pytest.mark.parametrize("name", SHEETS)
def test_the_page_has_its_parts_in_order(name: str) -> None:
    assert re.findall(r"^## (.+)$", page(name), re.MULTILINE) == SECTIONS
    assert "### 两次独立编写的不同" in page(name)
    assert f"| 事项 | {len(document(name).obligations)}项" in page(name)


@pytest.mark.parametrize("name", SHEETS)
def test_what_the_text_lacks_stands_on_the_page(name: str) -> None:
    lacking = page(name).split("### 编不出来的")[1].split("\n## ")[0]
    for one in SHEETS[name]["missing"]:
        title = re.search("《(.+)》", one)
        assert (title[1] if title else one) in lacking
