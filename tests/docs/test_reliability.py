"""Each test that the page on reliability names exists in the file that it names."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import ROOT, text

NAMED = re.compile(r"\]\(\.\./(tests/[\w/]+\.py)\)((?:[ ,]*`test_\w+`)*)")


def named() -> list[tuple[str, str]]:
    """Return (file, test) of every test that the page names."""
    return [
        (file, test)
        for file, tests in NAMED.findall(text("docs/reliability.md"))
        for test in re.findall(r"`(test_\w+)`", tests)
    ]


@pytest.mark.parametrize(("file", "test"), named())
def test_it_exists(file: str, test: str) -> None:
    assert re.search(rf"^def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_name_was_understood() -> None:
    page = text("docs/reliability.md")
    assert len(named()) == len(re.findall(r"`test_\w+`", page)) > 30
