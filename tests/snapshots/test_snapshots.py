"""The dates that the bundled documents give now are the dates that were last looked at."""

from __future__ import annotations

from difflib import unified_diff

import pytest

from scheduler.loading import load
from tests.snapshots.render import FOLDER, render

KEPT = sorted(path.stem for path in FOLDER.glob("*.txt"))


def test_every_document_has_its_snapshot() -> None:
    assert sorted(load().documents) == KEPT


@pytest.mark.parametrize("name", KEPT)
def test_no_date_and_no_party_has_moved_unseen(name: str) -> None:
    kept = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    moved = unified_diff(kept.splitlines(), render(load(), name).splitlines(), lineterm="", n=0)
    assert "\n".join(moved) == "", "if it is meant: .venv/bin/python -m tests.snapshots"
