"""A table as offices keep it, read strictly into rows of cells; and Finding, how we complain.

The dialect is one: commas, double quotes, one line a row. A cell never holds a line break, a
character that cannot be seen, or anything that a spreadsheet would run as a formula, because the
same cells later go into mail headers, calendars, pages and workbooks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from config.text import ENCODED_WORD, HIDDEN, wrong_from

MAX_BYTES = 4 * 1024 * 1024
MAX_ROWS = 20_000
MAX_LINES = 100_000
MAX_CELL = 300
MAX_LINE = 50_000
MAX_FINDINGS = 200

_QUOTED = re.compile(r'[ ]*"([^"]*(?:""[^"]*)*)"[ ]*')
_BLANK = " \u00a0\u3000"
_FORMULA = tuple("=+-@＝＋－＠")


class Finding(NamedTuple):
    """One complaint: ``line`` of the file, ``column`` as the ordinal of the cell, both from 1."""

    path: str
    line: int
    column: int
    code: str
    message: str
    hint: str
    severity: str = "error"

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}:{self.column}"
        return f"{where}: {self.code} {self.message} ({self.hint})"


@dataclass(slots=True)
class Sheet:
    """One table: ``index`` has the ordinal (from 0) of each known column, ``rows`` line and cells.

    A row whose cells cannot be told apart is reported and left out; what could be read of it is in
    ``dropped``, so that nobody complains of its absence too. ``letter`` begins the codes.
    """

    path: str
    letter: str
    index: dict[str, int] = field(default_factory=dict)
    rows: list[tuple[int, Sequence[str]]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    dropped: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def full(self) -> bool:
        """Return whether there are so many errors that more would help nobody."""
        return self.counts["error"] >= MAX_FINDINGS

    def report(
        self, line: int, column: str | int, number: str, message: str, hint: str,
        severity: str = "error",
    ) -> None:  # fmt: skip
        """Add one finding at a line and a column (by name, or its ordinal from 1)."""
        if self.counts[severity] >= MAX_FINDINGS:
            return
        self.counts[severity] += 1
        at = column if isinstance(column, int) else self.index.get(column, 0) + 1
        code = self.letter + number
        plain = HIDDEN.sub("?", message), HIDDEN.sub("?", hint)  # these go to a terminal
        self.findings.append(Finding(self.path, line, at, code, *plain, severity))

    def records(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield line and cells by column name; a column that the file lacks is empty."""
        for line, cells in self.rows:
            yield line, {name: cells[at] for name, at in self.index.items()}


def decode(raw: bytes, sheet: Sheet, encodings: Sequence[str] = ("utf-8-sig",)) -> str | None:
    """Return the text of a file's bytes, or None after reporting why it cannot be read."""
    if len(raw) > MAX_BYTES:
        limit = MAX_BYTES // 1024 // 1024
        sheet.report(1, 1, "002", f"文件超过 {limit} MB", "名册没有这么大，核对是不是存错了文件")
        return None
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wrong, gbk = wrong_from(raw, error.start)
    start = raw.rfind(b"\n", 0, wrong) + 1
    place = raw.count(b"\n", 0, wrong) + 1, raw.count(b",", start, wrong) + 1
    hint = "在表格软件里另存为“CSV UTF-8（逗号分隔）”"
    message = f"不是 {'、'.join(_ENCODINGS[name] for name in encodings)} 编码的文字"
    sheet.report(*place, "001", message, f"看起来是 GBK 编码，{hint}" if gbk else hint)
    return None


_ENCODINGS = {"utf-8-sig": "UTF-8", "gb18030": "GBK"}


def read_text(
    text: str,
    sheet: Sheet,
    columns: Sequence[str],
    optional: Sequence[str] = (),
    words: Mapping[str, str] | None = None,
) -> None:
    """Read a table's text into ``sheet``, with every problem of its writing.

    ``columns`` may stand in any order; those in ``optional`` may be missing;
    ``words`` maps other names of columns to the known ones.
    """
    read_rows(_split(text, sheet), sheet, columns, optional, words)


def read_rows(
    rows: Iterable[tuple[int, list[str]]],
    sheet: Sheet,
    columns: Sequence[str],
    optional: Sequence[str] = (),
    words: Mapping[str, str] | None = None,
) -> None:
    """Read (line, cells) into ``sheet``, as ``read_text`` does from a text."""
    head: list[str] | None = None
    for line, raw in rows:
        if not any(raw):
            continue  # spreadsheets leave such rows behind
        if head is None:
            if not _header(line, raw, sheet, columns, optional, words or {}):
                return
            head = raw
            continue
        if len(sheet.rows) >= MAX_ROWS:
            sheet.report(line, 1, "012", f"超过 {MAX_ROWS} 行", "核对是不是存错了文件")
            return
        if len(raw) != len(head):
            message = f"这一行有 {len(raw)} 格，表头有 {len(head)} 格"
            sheet.report(
                line, min(len(raw), len(head)) + (len(raw) > len(head)), "009", message,
                "核对逗号；内容里有逗号的格子要加半角双引号",
            )  # fmt: skip
            sheet.dropped.update(raw)
            continue
        cells = [cell.strip(_BLANK) for cell in raw]
        if _suspect(cells):
            for ordinal, cell in enumerate(cells, 1):
                _check(cell, line, ordinal, sheet)
            cells = [cell[:MAX_CELL] for cell in cells]
        sheet.rows.append((line, cells))
    if head is None and not sheet.findings:
        sheet.report(1, 1, "013", "文件是空的", f"第一行写表头：{','.join(columns)}")


def _suspect(cells: list[str]) -> bool:
    """Return whether any cell needs a closer look; cheap, as nearly every row is clean."""
    whole = "".join(cells)
    return (
        len(whole) > MAX_CELL
        or HIDDEN.search(whole) is not None
        or "=?" in whole
        or any(cell.startswith(_FORMULA) for cell in cells)
    )


def _check(cell: str, line: int, ordinal: int, sheet: Sheet) -> None:
    if len(cell) > MAX_CELL:
        message = f"这一格有 {len(cell)} 个字，最多 {MAX_CELL} 个"
        sheet.report(line, ordinal, "011", message, "缩短，或核对引号是否成对")
    if found := HIDDEN.search(cell):
        if found[0] in "\r\n":
            sheet.report(line, ordinal, "004", "格子里有换行", "把内容写在一行里")
        else:
            sheet.report(
                line, ordinal, "003", f"有看不见的字符 U+{ord(found[0]):04X}",
                "删掉这个字符，或整格重新输入",
            )  # fmt: skip
    if ENCODED_WORD.search(cell):
        sheet.report(line, ordinal, "014", "有邮件编码字样 =?…?=", "改写成看得懂的文字")
    if cell.startswith(_FORMULA):
        message = f"以“{cell[0]}”开头，表格软件会当作公式"
        sheet.report(line, ordinal, "010", message, "去掉开头的符号；没有内容就留空")


def _header(
    line: int,
    names: list[str],
    sheet: Sheet,
    columns: Sequence[str],
    optional: Sequence[str],
    words: Mapping[str, str],
) -> bool:
    """Set the sheet's index; return False where reading on would only repeat one complaint."""
    if len(names) == 1 and (wrong := next((c for c in ";\t，；|" if c in names[0]), "")):
        shown = "制表符" if wrong == "\t" else f"“{wrong}”"
        sheet.report(line, 1, "006", f"各格用{shown}分隔", "改用半角逗号：另存为“CSV（逗号分隔）”")
        return False
    for ordinal, written in enumerate(names, 1):
        name = written.strip(_BLANK)
        name = words.get(name, name)
        if name in sheet.index:
            sheet.report(line, ordinal, "008", f"“{name[:40]}”一列出现两次", "只保留一列")
        elif name in columns or name in optional:
            sheet.index[name] = ordinal - 1
        else:
            sheet.report(
                line, ordinal, "008", f"不认识的列“{name[:40]}”", f"可以有：{','.join(columns)}"
            )
    missing = [name for name in columns if name not in sheet.index and name not in optional]
    for name in missing:
        sheet.report(line, 1, "007", f"缺少“{name}”一列", f"表头补上 {name}，没有内容的格子留空")
    return len(missing) < len(columns) - len(optional)


def _split(text: str, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and cells; a cell that goes on over several lines is reported once."""
    inside = 0  # the line on which a cell was left open
    for line, content in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if sheet.full:
            return
        if line > MAX_LINES:
            message = f"超过 {MAX_LINES} 行，多为空行或引号不成对"
            sheet.report(line, 1, "012", message, "核对是不是存错了文件")
            return
        if len(content) > MAX_LINE:
            cells = content.split(",", 50)
            ordinal = next((n for n, c in enumerate(cells, 1) if len(c) > MAX_CELL), 1)
            message = f"这一行有 {len(content)} 个字，最多 {MAX_LINE} 个"
            sheet.report(line, ordinal, "011", message, "缩短，或核对是不是存错了文件")
            inside = 0
            continue
        if not inside and '"' not in content:
            yield line, content.split(",") if content else []
            continue
        odd = content.count('"') % 2 == 1
        if inside:
            if odd:
                inside = 0
            continue
        cells, fault = _cells(content)
        if odd or fault:
            sheet.dropped.update(cells)
        if odd:
            inside = line
            sheet.report(
                line, len(cells) + 1, "004", "引号没有成对，或格子里有换行",
                "把内容写在一行里；内容里的引号用中文引号",
            )  # fmt: skip
        elif fault:
            sheet.report(
                line, len(cells) + 1, "005", "双引号用法有误",
                "整格加引号，格内的引号写两个，或改用中文引号",
            )  # fmt: skip
        else:
            yield line, cells


def _cells(content: str) -> tuple[list[str], bool]:
    """Return the cells of one line up to the first whose quotes are wrong, and whether any is."""
    cells: list[str] = []
    at = 0
    while True:
        if quoted := _QUOTED.match(content, at):
            cell, end = quoted[1].replace('""', '"'), quoted.end()
            if end < len(content) and content[end] != ",":
                return cells, True
        else:
            comma = content.find(",", at)
            end = len(content) if comma < 0 else comma
            cell = content[at:end]
            if '"' in cell:
                return cells, True
        cells.append(cell)
        if end >= len(content):
            return cells, False
        at = end + 1
