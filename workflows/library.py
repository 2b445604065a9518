"""The only reader of workflow files: documents and the yearly notices of working days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workflows.document import Document
from workflows.parse import parse
from workflows.source import Problem, Source, read
from workflows.text import MAX_BYTES
from workflows.workdays import Notice, StatutoryDay, Workdays, parse_notice, parse_statutory

DOCUMENTS = Path(__file__).parent / "documents"
WORKDAYS = Path(__file__).parent / "workdays"


@dataclass(frozen=True)
class Library:
    """The documents that could be read, their texts and places by id, and every problem."""

    documents: dict[str, Document]
    texts: dict[str, str]
    sources: dict[str, Source]
    problems: tuple[Problem, ...]


def files(folder: Path) -> list[Path]:
    """Return the workflow files of a folder, or the file itself, in order of name."""
    if folder.is_file():
        return [folder]
    return sorted(p for p in folder.glob("*.y*ml") if p.suffix in (".yaml", ".yml"))


def read_documents(folders: Iterable[Path], only: str | None = None) -> Library:
    """Return the documents of the folders; of one id, the first folder's file counts.

    ``only``: read just the document of that id (its file is named after it). Problems of all
    files are collected; unreadable files are problems too, never exceptions.
    """
    documents: dict[str, Document] = {}
    texts: dict[str, str] = {}
    sources: dict[str, Source] = {}
    problems: list[Problem] = []
    claimed: set[str] = set()
    for folder in folders:
        here: dict[str, Path] = {}
        for path in files(folder):
            if only and path.stem != only:
                continue
            if path.stem in claimed and folder.is_dir():
                continue  # the admin's own file stands in place of the bundled one, even if faulty
            try:
                with path.open("rb") as file:
                    raw = file.read(MAX_BYTES + 1)
            except OSError as error:
                hint = "核对文件的权限"
                problems.append(Problem(str(path), 1, 1, "Y000", f"读不了：{error.strerror}", hint))
                continue
            document, source = parse(raw, str(path))
            problems += source.problems
            if document is None:
                continue
            if document.id in here:
                place = source.place(("id",))
                message = f"文件编号“{document.id}”与 {here[document.id].name} 相同"
                problems.append(Problem(str(path), *place, "D020", message, "每份公文用自己的 id"))
                continue
            if folder.is_dir() and path.stem != document.id:
                place = source.place(("id",))
                problems.append(
                    Problem(
                        str(path), *place, "D021", f"文件名与 id “{document.id}”不一致",
                        f"把文件改名为 {document.id}.yaml",
                    )
                )  # fmt: skip
                continue
            here[document.id] = path
            documents[document.id] = document
            texts[document.id] = raw.decode("utf-8-sig")
            sources[document.id] = source
        claimed |= {path.stem for path in files(folder)}
    return Library(documents, texts, sources, tuple(sorted(problems)))


def read_workdays(folder: Path) -> tuple[Workdays, tuple[Problem, ...]]:
    """Return the working days of a folder of yearly notices, and the problems of its files."""
    notices: list[Notice] = []
    statutory: tuple[StatutoryDay, ...] = ()
    problems: list[Problem] = []
    for path in files(folder):
        source = read(path.read_bytes(), str(path))
        problems += source.problems
        if not isinstance(source.data, dict):
            continue
        try:
            if path.stem == "statutory":
                statutory = parse_statutory(source.data)
            else:
                notices.append(parse_notice(source.data))
        except ValueError as error:
            hint = "对照往年的文件改正"
            problems.append(Problem(str(path), 1, 1, "Y020", str(error), hint))
    return Workdays.of(notices, statutory), tuple(problems)


@cache
def bundled_workdays() -> Workdays:
    """Return the working days that come with the program."""
    return read_workdays(WORKDAYS)[0]
