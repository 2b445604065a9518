"""Every problem code of the source has its line in docs/problems.md, and no line is left over."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT, cells, text

PAGE = text("docs/problems.md")
WHOLE = re.compile(r'"([YFDWXRCLS]\d{3})"')
NUMBER = re.compile(r'"(0\d{2})"')
# A table's reader gives only the number; the letter says whose table it is.
LETTERS = {
    "sheet": "RCL", "tables": "R", "cells": "R", "contacts": "C", "office_file": "CL",
    "terms": "L", "activity_rows": "L",
}  # fmt: skip


def in_source() -> set[str]:
    found: set[str] = set()
    for folder in ("workflows", "config", "scheduler", "notifications", "web", "cli"):
        for path in (ROOT / folder).rglob("*.py"):
            found |= set(WHOLE.findall(path.read_text(encoding="utf-8")))
    for module, letters in LETTERS.items():
        source = (ROOT / "config" / f"{module}.py").read_text(encoding="utf-8")
        found |= {letter + number for letter in letters for number in NUMBER.findall(source)}
    return found


def lines() -> list[list[str]]:
    return [cells(line) for line in PAGE.splitlines() if re.match(r"\| [A-Z]\d{3} \|", line)]


def test_every_code_is_documented_once() -> None:
    documented = [line[0] for line in lines()]
    assert len(documented) == len(set(documented))
    assert set(documented) == in_source()


def test_every_code_has_meaning_example_and_cure() -> None:
    for line in lines():
        assert len(line) == 4
        assert all(line), line


def test_codes_stand_under_their_letter() -> None:
    for part in PAGE.split("\n## ")[1:]:
        codes = re.findall(r"^\| ([A-Z])\d{3} \|", part, re.MULTILINE)
        assert codes
        assert set(codes) == {part[0]}
