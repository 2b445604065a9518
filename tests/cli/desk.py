"""A folder as an admin has it: own documents, own rosters, a data folder, and the verbs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import time_machine

from cli.__main__ import main
from tests.scheduler.house import TABLES, WORKFLOW, at


class Said(NamedTuple):
    """What a verb printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Desk:
    """Runs verbs at a given instant; the bundled documents are the folder's own."""

    def __init__(
        self, folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self.capsys = folder, capsys
        self.now = "2026-01-09 10:00"
        self.write(WORKFLOW)
        for name in ("cli.context", "cli.candidates"):
            patch.setattr(f"{name}.DOCUMENTS", folder / "documents")
            patch.setattr(f"{name}.ROSTERS", folder / "rosters")
        patch.setenv("DUBAN_DATA", str(folder / "data"))
        for name in ("DUBAN_WORKFLOWS", "DUBAN_ROSTERS", "DUBAN_CONTACTS", "DUBAN_DATABASE_URL"):
            patch.delenv(name, raising=False)

    def write(self, workflow: str, where: str = "documents") -> Path:
        """Write the workflow (and, where it is the bundled one, its roster) and return its file."""
        file = self.folder / where / "pair-2025.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(workflow, encoding="utf-8")
        self.roster(self.folder / "rosters" / "pair-2025", TABLES)
        return file

    def roster(self, folder: Path, tables: dict[str, str]) -> Path:
        """Write the tables of a roster."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in tables.items():
            (folder / name).write_text(text, encoding="utf-8")
        return folder

    def __call__(self, *words: object) -> Said:
        self.capsys.readouterr()
        with time_machine.travel(at(self.now), tick=False):
            code = main([str(word) for word in words])
        printed = self.capsys.readouterr()
        return Said(code, printed.out, printed.err)

    def adopt(self) -> None:
        """Apply what the files hold, as an admin would."""
        saved = self.folder / "first.json"
        assert self("plan", "--save", saved).code == 2
        assert self("apply", saved).code == 0
