"""Prints the first sheet of an Excel workbook as JSON lines; run as a process of its own.

A workbook is a compressed program of sorts: a few kilobytes can ask its reader for gigabytes, and
the reader is native code that ends the whole process when memory runs out. So it gets a process
with little memory and time, and whatever happens to that, the caller goes on.

Standard library and python-calamine only: it is started by its path, outside the packages.
"""

from __future__ import annotations

import json
import resource
import sys
from datetime import date, datetime
from typing import Any

MEMORY = 160 * 1024 * 1024
SECONDS = 2
MAX_ROWS = 20_002  # one more than a table may have, so that the reader of the rows sees it
MAX_COLUMNS = 60
MAX_CELL = 12_000
MAX_OUTPUT = 8 * 1024 * 1024


def text(value: Any) -> str:
    """Return a cell as it would be typed: whole numbers without a point, days as 2019-07-22."""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)[:MAX_CELL]


def main(path: str) -> int:
    """Print one JSON list of cells a row, empty rows too; return 0, or 2 if unreadable."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    from python_calamine import CalamineError, CalamineWorkbook

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0)
        rows = sheet.to_python(skip_empty_area=False, nrows=MAX_ROWS)
    except (CalamineError, OSError, ValueError, IndexError):
        return 2
    left = MAX_OUTPUT
    for row in rows:
        line = json.dumps([text(cell) for cell in row[:MAX_COLUMNS]], ensure_ascii=False)
        left -= len(line)
        if left < 0:
            return 3
        sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
