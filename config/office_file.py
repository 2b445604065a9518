"""A table as an office hands it in: CSV (UTF-8 or GBK), or the first sheet of an Excel workbook."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from config.sheet import MAX_BYTES, Sheet, decode, read_rows, read_text

_WORKBOOK = Path(__file__).with_name("read_workbook.py")


def read_file(
    path: Path,
    sheet: Sheet,
    columns: Sequence[str],
    optional: Sequence[str],
    words: Mapping[str, str],
    missing: tuple[str, str],
) -> None:
    """Read a file into ``sheet``, with every problem of its writing.

    ``words`` maps headings to the known columns; ``missing`` is what to say, and the hint, where
    there is no such file.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError:
        sheet.report(1, 1, "013", *missing)
        raw = b""
    if raw[:4] == b"PK\x03\x04" and len(raw) <= MAX_BYTES:
        read_rows(_workbook(path, sheet), sheet, columns, optional, words)
    elif raw[:4] == b"\xd0\xcf\x11\xe0":
        sheet.report(1, 1, "028", "是旧式 Excel 文件，或加了密码", "另存为不加密码的 .xlsx 或 CSV")
    elif not sheet.findings and (text := decode(raw, sheet, ("utf-8-sig", "gb18030"))) is not None:
        read_text(text, sheet, columns, optional, words)


def _workbook(path: Path, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """Yield row number and cells of the first sheet, read in a process that may fail."""
    command = [sys.executable, "-I", str(_WORKBOOK), str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=20, check=False)
        code = done.returncode
    except subprocess.TimeoutExpired:
        code = 1
    if code == 2:
        sheet.report(1, 1, "028", "不是能读的 Excel 文件", "用表格软件打开后另存为 .xlsx 或 CSV")
    elif code != 0:
        message = "展开后太大，没有读"
        sheet.report(1, 1, "028", message, "只留一张表，删去多余的行、列和格式，或另存为 CSV")
    else:
        for line, content in enumerate(done.stdout.decode().splitlines(), 1):
            yield line, json.loads(content)
