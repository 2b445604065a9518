"""Checks the files of a folder of scoring sheets, each named for its document."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from workflows.document import Document
from workflows.library import files
from workflows.sheet import parse_sheet
from workflows.source import Problem
from workflows.text import MAX_BYTES


def check_sheets(
    folders: Sequence[Path], documents: Mapping[str, Document], faulty: Collection[str] = ()
) -> tuple[Problem, ...]:
    """Return every problem of the sheets in some folders, or of single files of sheets.

    Of one document the first sheet counts, as it is read. ``documents`` are those free of errors;
    the sheets of ``faulty`` ones are left until their own errors are gone.
    """
    found: list[Problem] = []
    seen: set[str] = set()
    for path in (path for folder in folders for path in files(folder)):
        name = path.stem
        if name in seen or name in faulty:
            continue
        seen.add(name)
        if name not in documents or path.suffix != ".yaml":
            message = f"没有“{name}”这份文件" if name not in documents else "没有人读这个文件"
            hint = "评分表的文件名是所属文件的 id 加 .yaml"
            found.append(Problem(str(path), 1, 1, "D030", message, hint))
            continue
        try:
            with path.open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
        except OSError as error:
            hint = "核对文件的权限"
            found.append(Problem(str(path), 1, 1, "Y000", f"读不了：{error.strerror}", hint))
            continue
        found += parse_sheet(raw, str(path), documents[name])[1]
    return tuple(found)
