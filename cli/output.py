"""How results are printed: one JSON document, a table for people, or CSV."""

from __future__ import annotations

import csv
import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any


def print_json(value: Any) -> None:
    """Print one JSON document to standard output, Chinese as it is."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


@cache
def width(text: str) -> int:
    """Return how many columns a text takes on a terminal."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in aligned columns, the last one unpadded."""
    lines = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(width(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        cells = [
            cell + " " * (widths[i] - width(cell)) if i < len(line) - 1 else cell
            for i, cell in enumerate(line)
        ]
        print("  ".join(cells).rstrip())


def print_csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print CSV; a cell that a spreadsheet would take for a formula gets an apostrophe."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow([_plain(cell) for cell in row])


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _plain(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in _FORMULA else cell
