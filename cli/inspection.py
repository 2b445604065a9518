"""Checks just the files and folders that were named on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cli.failure import Failure
from config.tables import read_roster
from scheduler.loading import ROSTERS, load
from workflows.library import read_documents
from workflows.source import Problem


def inspect(paths: Sequence[Path]) -> tuple[Problem, ...]:
    """Return the problems of workflow files, roster folders, or folders of either.

    Raises Failure for a path that does not exist. A workflow is checked against the roster of its
    own id where one is known.
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
        else:
            found += _workflows(path)
    return tuple(sorted(set(found)))


def _workflows(path: Path) -> list[Problem]:
    library = read_documents([path])
    beside = path.parent / "rosters" if path.is_file() else path / "rosters"
    rosters = [beside, ROSTERS] if beside.is_dir() else [ROSTERS]
    return list(library.problems) + list(load([path], rosters).problems)
