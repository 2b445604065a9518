"""Reads the documentation as text: its pages, tables, code blocks and links."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *DOCS.glob("documents/*.md")],
    key=lambda page: page.as_posix(),
)


def text(name: str) -> str:
    """Return a page's text by its path in the checkout."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    """Return the contents of a page's fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def cells(line: str) -> list[str]:
    """Return the cells of one line of a table, stripped."""
    return [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def table(part: str) -> list[list[str]]:
    """Return the rows of the first table in a part of a page, without its heading."""
    rows: list[list[str]] = []
    for line in part.splitlines():
        if line.startswith("|"):
            rows.append(cells(line))
        elif rows:
            break
    return rows[2:]


def sections(page: str, level: int) -> dict[str, str]:
    """Return the parts of a page under its headings of one level, by heading."""
    parts = re.split(rf"^{'#' * level} (.+)$", outside_blocks(page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def outside_blocks(page: str) -> str:
    """Return a page without its fenced blocks, whose hashes are no headings."""
    return re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)


def anchors(page: str) -> set[str]:
    """Return the anchors that a page's headings get, as the forges make them."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", outside_blocks(page), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.strip().lower())
        found.add(plain.replace(" ", "-"))
    return found
