"""Files that are too big to keep, or of which no copy can be kept: written when a test runs."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from config.tables import TABLES

HEAD = "institution,role,office,email,from,until\n"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


class Huge(NamedTuple):
    """One case: ``write`` puts it at a path; a roster is a folder, all else a file."""

    name: str
    kind: str
    write: Callable[[Path], None]
    expect: tuple[str, ...]


def _text(content: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content.encode())

    return write


def _table(name: str, content: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.mkdir()
        (path / name).write_text(content, encoding="utf-8")

    return write


def _workbook(
    sheet: Iterable[bytes], strings: Iterable[bytes] = (), size: int | None = None
) -> Callable[[Path], None]:
    """Return a writer of a workbook with these parts; ``size`` is what its index claims."""
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts: dict[str, Iterable[bytes]] = {
        "[Content_Types].xml": [
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType='
            '"application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/>'
            "</Types>".encode()
        ],
        "_rels/.rels": [
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
            f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'.encode()
        ],
        "xl/workbook.xml": [
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
            '<sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>'.encode()
        ],
        "xl/_rels/workbook.xml.rels": [
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
            f'Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" '
            f'Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'.encode()
        ],
        "xl/sharedStrings.xml": [f'<sst xmlns="{_MAIN}">'.encode(), *strings, b"</sst>"],
    }

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
            for name, chunks in parts.items():
                book.writestr(name, b"".join(chunks))
            with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=False) as part:
                part.write(f'<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
                for chunk in sheet:
                    part.write(chunk)
                part.write(b"</sheetData></worksheet>")
            if size is not None:
                book.getinfo("xl/worksheets/sheet1.xml").file_size = size

    return write


def _row(number: int, *cells: str) -> bytes:
    """Return a row of a worksheet, its text in the cells themselves."""
    inside = "".join(
        f'<c r="{column}{number}" t="inlineStr"><is><t>{cell}</t></is></c>'
        for column, cell in zip("ABCDEF", cells, strict=False)
    )
    return f'<row r="{number}">{inside}</row>'.encode()


def _rows(count: int) -> list[bytes]:
    rows = (_row(n, "yiyuan-a", "liaison", "", f"u{n}@a.example") for n in range(2, count + 2))
    return [_row(1, "institution", "role", "office", "email"), *rows]


_HEADINGS = {name.removesuffix(".csv"): ",".join(columns) for name, columns in TABLES.items()}
_PEOPLE = "".join(f"yiyuan-a,liaison,,u{n}@a.example,,\n" for n in range(20_001))
_DOCUMENT = "id: example\nissuers: ["
_CELLS = b"".join(b'<c t="s"><v>0</v></c>' for _ in range(50))
_CHAIN = "".join(f"i{n},机构{n},authority,,,,i{(n + 1) % 19_000},,,,,,,\n" for n in range(19_000))
_WARNED = "".join(f"丁{n},liaison,,u{n}@a.example,,\n" for n in range(300))


def _folder(path: Path) -> None:
    """Write a folder that is named like a workflow file."""
    (path / "a.yaml").mkdir(parents=True)


def _link(path: Path) -> None:
    """Write a link that leads nowhere, named like a workflow file."""
    path.mkdir()
    (path / "a.yaml").symlink_to(path / "nowhere")


HUGE = (
    # Workflows
    Huge("too-big", "workflow", _text("# " + "文" * 300_000), ("f:1:1 Y003",)),
    Huge("too-big-nul", "workflow", _text("\0" * 5_000_000), ("f:1:1 Y003",)),
    Huge("many-items", "workflow", _text(_DOCUMENT + "a," * 100_000 + "a]"), ("f:2:40001 Y016",)),
    Huge("many-lines", "workflow", _text("- a\n" * 60_000), ("f:20000:3 Y016",)),
    Huge(
        "only-nul", "workflow", _text("\0" * 200_000),
        tuple(f"f:1:{n} Y011" for n in range(1, 101)),
    ),
    Huge(
        "only-tabs", "workflow", _text("\t\n" * 100_000),
        tuple(f"f:{n}:1 Y005" for n in range(1, 101)),
    ),
    Huge(
        "one-key-again-and-again", "workflow", _text("a: 1\n" * 9_000),
        tuple(f"f:{n}:1 Y007" for n in range(2, 202)),
    ),
    Huge("brackets", "workflow", _text("[" * 250_000), ("f:1:21 Y008",)),
    Huge("a-folder", "folder", _folder, ("a.yaml:1:1 Y000",)),
    Huge("a-dangling-link", "folder", _link, ("a.yaml:1:1 Y000",)),
    # Rosters
    Huge(
        "circle-of-19000", "roster",
        _table("institutions.csv", _HEADINGS["institutions"] + "\n" + _CHAIN),
        ("institutions.csv:19001:7 R028",),
    ),
    Huge("too-big", "roster", _table("members.csv", "甲" * 3_000_000), ("members.csv:1:1 R002",)),
    Huge(
        "too-big-too", "roster", _table("pairings.csv", "\n" * 6_000_000),
        ("pairings.csv:1:1 R002",),
    ),
    Huge(
        "too-many-rows", "roster",
        _table(
            "members.csv",
            _HEADINGS["members"] + "\n"
            + "".join(f"g{n},city,,,,,\n" for n in range(20_001)),
        ),
        ("members.csv:20002:1 R012",),
    ),
    Huge(
        "blank-lines", "roster",
        _table("pairings.csv", _HEADINGS["pairings"] + "\n" * 200_000),
        ("pairings.csv:100001:1 R012",),
    ),
    Huge(
        "one-endless-line", "roster",
        _table("members.csv", _HEADINGS["members"] + "\n" + "=;" * 1_900_000),
        ("members.csv:2:1 R011",),
    ),
    # Contacts
    Huge("too-big", "contacts", _text(HEAD + "甲" * 3_000_000), ("f:1:1 C002",)),
    Huge("too-big-lines", "contacts", _text(HEAD + "\n" * 6_000_000), ("f:1:1 C002",)),
    Huge("too-many-rows", "contacts", _text(HEAD + _PEOPLE), ("f:20002:1 C012",)),
    Huge(
        "an-error-after-300-warnings", "contacts",
        _text(HEAD + _WARNED + "yiyuan-a,liaison,,nobody,,\n"), ("f:302:4 C020",),
    ),
    Huge("blank-lines", "contacts", _text(HEAD + "\n" * 200_000), ("f:100001:1 C012",)),
    Huge("workbook-100000-rows", "contacts", _workbook(_rows(100_000)), ("f:20002:1 C012",)),
    Huge("zip-bomb", "contacts", _workbook(b" " * 1_000_000 for _ in range(300)), ("f:1:1 C028",)),
    Huge(
        "zip-bomb-that-lies", "contacts",
        _workbook((b" " * 1_000_000 for _ in range(300)), size=1000), ("f:1:1 C028",),
    ),
    Huge(
        "last-cell-of-excel", "contacts",
        _workbook([_row(1, "institution"), b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>']),
        ("f:1:1 C028",),
    ),
    Huge(
        "one-long-text-everywhere", "contacts",
        _workbook(
            (b"<row>" + _CELLS + b"</row>" for _ in range(2_000)),
            [b"<si><t>", b"x" * 32_000, b"</t></si>"],
        ),
        ("f:1:1 C028",),
    ),
)  # fmt: skip
