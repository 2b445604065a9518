"""A table of stationing terms as an office hands it in: CSV or Excel, one term a row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from config.cells import day, tidy
from config.office_file import read_file
from config.sheet import Finding, Sheet

COLUMNS = ("document", "supporter", "recipient", "from", "until", "people", "staff", "persons")
OPTIONAL = ("document", "staff", "persons")
HEADINGS = {
    "文件": "document", "文件编号": "document",
    "支援": "supporter", "支援医院": "supporter", "支援单位": "supporter",
    "受援": "recipient", "受援医院": "recipient", "受援单位": "recipient",
    "起": "from", "起日": "from", "开始日期": "from",
    "止": "until", "止日": "until", "止（不含）": "until", "止(不含)": "until",
    "止日（不含）": "until", "止日(不含)": "until",
    "人数": "people", "人员类别": "staff", "类别": "staff", "专业": "staff",
    "代号": "persons", "人员代号": "persons",
}  # fmt: skip
_NUMBER = re.compile(r"[0-9]{1,6}")
_BETWEEN = re.compile(r"[;；、,，\s]+")


@dataclass(frozen=True, slots=True)
class TermRow:
    """One row; the institutions as written, ``until`` exclusive, ``document`` may be empty."""

    line: int
    document: str
    supporter: str
    recipient: str
    from_: date
    until: date
    people: int
    staff: str
    persons: tuple[str, ...]


@dataclass(frozen=True)
class Terms:
    """The rows that could be read; ``sheet`` takes what else is wrong with them."""

    rows: tuple[TermRow, ...]
    sheet: Sheet

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return every finding in the file's order."""
        return tuple(sorted(self.sheet.findings))

    def wrong(self, row: TermRow, column: str, message: str, hint: str) -> None:
        """Add what is wrong with a row's content."""
        self.sheet.report(row.line, column, "032", message, hint)


def read_terms(path: Path) -> Terms:
    """Return the terms of a file with every problem of its writing; nothing is looked up."""
    sheet = Sheet(str(path), "L")
    read_file(path, sheet, COLUMNS, OPTIONAL, HEADINGS, ("读不到这个文件", "核对路径和权限"))
    rows = [row for line, cells in sheet.records() if (row := _row(sheet, line, cells))]
    if not rows and not sheet.findings:
        sheet.report(1, 1, "013", "只有表头，没有内容", "每个驻点期写一行")
    return Terms(tuple(rows), sheet)


def _row(sheet: Sheet, line: int, cells: dict[str, str]) -> TermRow | None:
    before = len(sheet.findings)
    for column in ("supporter", "recipient", "from", "until", "people"):
        if column in sheet.index and not cells.get(column):
            sheet.report(line, column, "030", f"没有写 {column}", "每一行都要有")
    from_, until = (
        day(sheet, line, column, tidy(cells.get(column, "")), "031") for column in ("from", "until")
    )
    people = cells.get("people", "")
    if people and not _NUMBER.fullmatch(people):
        sheet.report(line, "people", "033", f"人数“{people[:20]}”不是整数", "只写数字，如 5")
    if len(sheet.findings) > before or any(f.line == line for f in sheet.findings):
        return None
    if from_ is None or until is None or not people:
        return None
    persons = tuple(part for part in _BETWEEN.split(cells.get("persons", "")) if part)
    return TermRow(
        line, cells.get("document", ""), cells["supporter"], cells["recipient"], from_, until,
        int(people), cells.get("staff", ""), persons,
    )  # fmt: skip
