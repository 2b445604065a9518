"""No personal telephone number or contact stands in any file that is carried over from a text.

The guard knows shapes, never names: a list of names would itself be what it guards against.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("workflows", "config", "tests/expected", "tests/snapshots", "docs")
SHAPES = {
    "mobile number": re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)"),
    "number with an area code": re.compile(r"(?<!\d)0\d{2,3}[-—－ ]?\d{7,8}(?!\d)"),
    "a contact's label": re.compile(r"(联系人|填报人)\s*[:：]\s*[一-鿿]|[一-鿿]{2,3}（收）"),
}


def carried_over() -> list[Path]:
    """Return the YAML, CSV, Markdown and snapshot files that tell what the texts say."""
    return [
        path
        for folder in FOLDERS
        for suffix in ("yaml", "csv", "md", "txt")
        for path in sorted((ROOT / folder).rglob(f"*.{suffix}"))
    ]


@pytest.mark.parametrize("path", carried_over(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_number_or_contact_of_a_person(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert {name: shape.findall(text) for name, shape in SHAPES.items() if shape.search(text)} == {}


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("电话 13" + "900000000", "mobile number"),
        ("0771" + "-2000000", "number with an area code"),
        ("0311" + "66000000", "number with an area code"),
        ("联系人：某" + "某", "a contact's label"),
        ("510室  某某" + "（收）", "a contact's label"),
    ],
)
def test_the_shapes_are_known(text: str, shape: str) -> None:
    assert SHAPES[shape].search(text)


@pytest.mark.parametrize(
    "text", ["2019-05-10", "20190711", "桂中医药医发〔2019〕8号", "W2019-0712"]
)
def test_dates_and_numbers_of_documents_are_no_telephone_numbers(text: str) -> None:
    assert not any(shape.search(text) for shape in SHAPES.values())
