"""Reads one case of the corpus with the program's own readers, and gives its problems as text."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from config.contacts import finder, read_contacts
from config.settings import load as load_settings
from config.tables import OPTIONAL, TABLES, read_roster
from scheduler.loading import load
from workflows.library import read_documents, read_workdays
from workflows.parse import parse
from workflows.sheet_files import check_sheets

HERE = Path(__file__).parent
ROSTERS = HERE / "good" / "rosters"


class Complaint(Protocol):
    """What Problem and Finding have in common."""

    @property
    def path(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def hint(self) -> str: ...
    @property
    def severity(self) -> str: ...


def complaints(kind: str, path: Path) -> list[Complaint]:
    """Return every problem that the reader of a kind of file finds in one case."""
    return list(_READERS[kind](path))


def written(complaint: Complaint) -> str:
    """Return a complaint as the manifest has it: ``name:line:column code``, and if a warning."""
    warning = " warning" if complaint.severity == "warning" else ""
    place = f"{Path(complaint.path).name}:{complaint.line}:{complaint.column}"
    return f"{place} {complaint.code}{warning}"


def _workflow(path: Path) -> Iterable[Complaint]:
    document, source = parse(path.read_bytes(), str(path))
    assert (document is None) == any(p.severity == "error" for p in source.problems)
    return source.problems


def _folder(path: Path) -> Iterable[Complaint]:
    return read_documents([path]).problems


def _workdays(path: Path) -> Iterable[Complaint]:
    return read_workdays(path)[1]


def _cross(path: Path) -> Iterable[Complaint]:
    return load([path], [ROSTERS]).problems


def _roster(path: Path) -> Iterable[Complaint]:
    """A case has the tables that are wrong; the others are those of the example."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for table in TABLES:
            own = path / table
            shutil.copyfile(own if own.exists() else ROSTERS / "example" / table, folder / table)
        for table in OPTIONAL:
            if (path / table).exists():
                shutil.copyfile(path / table, folder / table)
        return read_roster(folder, "example")[1]


def _sheet(path: Path) -> Iterable[Complaint]:
    document, _ = parse((HERE / "cross" / "good.yaml").read_bytes(), "good.yaml")
    assert document is not None
    return check_sheets([path], {document.id: document})


def _contacts(path: Path) -> Iterable[Complaint]:
    roster, _, _ = read_roster(ROSTERS / "example", "example")
    assert roster is not None
    return read_contacts(path, finder([roster]))[1]


def _settings(path: Path) -> Iterable[Complaint]:
    with tempfile.TemporaryDirectory() as name:
        shutil.copyfile(path, Path(name) / "duban.toml")
        return load_settings({}, Path(name)).findings


def _environment(path: Path) -> Iterable[Complaint]:
    environ: Mapping[str, str] = json.loads(path.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        return load_settings(environ, Path(name)).findings


_READERS = {
    "workflow": _workflow,
    "folder": _folder,
    "workdays": _workdays,
    "cross": _cross,
    "roster": _roster,
    "sheet": _sheet,
    "contacts": _contacts,
    "settings": _settings,
    "environment": _environment,
}
