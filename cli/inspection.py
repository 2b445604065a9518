"""Checks just the files and folders that were named on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cli.context import opened
from cli.failure import Failure
from config.contacts import finder, read_contacts
from config.tables import read_roster
from scheduler.loading import ROSTERS, folders, load
from workflows.library import files
from workflows.sheet_files import check_sheets
from workflows.source import Problem


def inspect(paths: Sequence[Path]) -> tuple[Problem, ...]:
    """Return the problems of workflow files, contacts files, roster folders, or folders of them.

    Raises Failure for a path that does not exist. A workflow is checked against the roster of its
    own id: in ``rosters`` beside it, in the admin's folder, or bundled. What lies in a folder
    ``sheets`` is a scoring sheet, and checked against the document that it is named for.
    """
    found: list[Problem] = []
    for path in paths:
        if not path.exists():
            raise Failure(f"没有“{path}”这个文件或文件夹", "核对路径")
        if path.is_dir() and (path / "institutions.csv").exists():
            found += [Problem(*finding) for finding in read_roster(path, path.name)[1]]
        elif path.is_dir() and any((p / "institutions.csv").exists() for p in path.iterdir()):
            for folder in sorted(p for p in path.iterdir() if p.is_dir()):
                found += [Problem(*finding) for finding in read_roster(folder, folder.name)[1]]
        elif path.suffix in (".csv", ".xlsx"):
            found += _contacts(path)
        elif path.resolve().parent.name == "sheets" or path.resolve().name == "sheets":
            found += opened().sheet_problems([path])
        else:
            found += _workflows(path)
    return tuple(sorted(set(found)))


def _workflows(path: Path) -> list[Problem]:
    beside = (path.parent if path.is_file() else path) / "rosters"
    known = folders(opened().settings.rosters, ROSTERS)
    read = load([path], [beside, *known] if beside.is_dir() else known)
    sheets = [path / "sheets"] if path.is_dir() else []
    faulty = {one.stem for one in files(path)} - read.documents.keys()
    documents = opened().loaded.documents | read.documents if sheets else {}
    return [*read.problems, *check_sheets(sheets, documents, faulty)]


def _contacts(path: Path) -> list[Problem]:
    find = finder(opened().loaded.rosters.values())
    return [Problem(*finding) for finding in read_contacts(path, find)[1]]
