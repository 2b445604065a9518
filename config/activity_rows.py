"""A table of activities as an office hands it in: CSV or Excel, one activity a row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from config.cells import day, tidy
from config.office_file import read_file
from config.sheet import Finding, Sheet

COLUMNS = (
    "document", "obligation", "supporter", "recipient", "institution", "on", "count", "item",
    "evidence",
)  # fmt: skip
OPTIONAL = ("document", "supporter", "recipient", "institution", "count", "item", "evidence")
HEADINGS = {
    "文件": "document", "文件编号": "document",
    "事项": "obligation", "活动": "obligation", "类别": "obligation",
    "支援": "supporter", "支援医院": "supporter", "支援单位": "supporter",
    "受援": "recipient", "受援医院": "recipient", "受援单位": "recipient",
    "单位": "institution", "机构": "institution",
    "日期": "on", "时间": "on", "date": "on",
    "次数": "count", "人数": "count", "数量": "count",
    "项目": "item", "内容": "item", "乡镇": "item",
    "佐证": "evidence", "凭证": "evidence", "佐证材料": "evidence",
}  # fmt: skip
_NUMBER = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """One row as written; an empty count is one."""

    line: int
    document: str
    obligation: str
    supporter: str
    recipient: str
    institution: str
    on: date
    count: int
    item: str
    evidence: str


@dataclass(frozen=True)
class ActivityRows:
    """The rows that could be read; ``sheet`` takes what else is wrong with them."""

    rows: tuple[ActivityRow, ...]
    sheet: Sheet

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return every finding in the file's order."""
        return tuple(sorted(self.sheet.findings))

    @property
    def faulty(self) -> bool:
        """Return whether any finding is an error."""
        return self.sheet.counts["error"] > 0

    def wrong(self, row: ActivityRow, column: str, message: str, hint: str) -> None:
        """Add what is wrong with a row's content."""
        self.sheet.report(row.line, column, "032", message, hint)

    def twice(self, row: ActivityRow, first: ActivityRow) -> None:
        """Add that two rows say the same."""
        hint = f"第 {first.line} 行已有；同一天确有几次的，合成一行写明次数，或写不同的佐证"
        self.sheet.report(row.line, "on", "034", "与前面一行完全相同", hint)

    def known(self, row: ActivityRow, number: int) -> None:
        """Add that a row stands recorded already."""
        hint = f"编号 {number}，这一行跳过"
        self.sheet.report(row.line, "on", "035", "已登记过完全相同的活动", hint, "warning")

    def odd(self, row: ActivityRow, message: str) -> None:
        """Add what is odd about a row that is recorded all the same."""
        self.sheet.report(row.line, "on", "036", message, "核对日期和事项", "warning")


def read_activities(path: Path) -> ActivityRows:
    """Return the activities of a file with every problem of its writing; nothing is looked up."""
    sheet = Sheet(str(path), "L")
    read_file(path, sheet, COLUMNS, OPTIONAL, HEADINGS, ("读不到这个文件", "核对路径和权限"))
    rows = [row for line, cells in sheet.records() if (row := _row(sheet, line, cells))]
    if not rows and not sheet.findings:
        sheet.report(1, 1, "013", "只有表头，没有内容", "每次活动写一行")
    return ActivityRows(tuple(rows), sheet)


def _row(sheet: Sheet, line: int, cells: dict[str, str]) -> ActivityRow | None:
    before = len(sheet.findings)
    for column in ("obligation", "on"):
        if column in sheet.index and not cells.get(column):
            sheet.report(line, column, "030", f"没有写 {column}", "每一行都要有")
    on = day(sheet, line, "on", tidy(cells.get("on", "")), "031")
    count = cells.get("count", "") or "1"
    if not _NUMBER.fullmatch(count):
        sheet.report(line, "count", "033", f"“{count[:20]}”不是整数", "只写数字，如 2")
    if len(sheet.findings) > before or any(f.line == line for f in sheet.findings) or on is None:
        return None
    return ActivityRow(
        line=line,
        document=cells.get("document", ""),
        obligation=cells["obligation"],
        supporter=cells.get("supporter", ""),
        recipient=cells.get("recipient", ""),
        institution=cells.get("institution", ""),
        on=on,
        count=int(count),
        item=cells.get("item", ""),
        evidence=cells.get("evidence", ""),
    )
