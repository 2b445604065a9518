"""English that was left over in what offices read: pages, mails, and what they download."""

from __future__ import annotations

import html
import io
import re
from collections import Counter
from collections.abc import Iterator

import httpx
from openpyxl import load_workbook

# Names of programs and formats, and the invented ids that stand for people.
ALLOWED = re.compile(r"xlsx|PDF|Excel|CSV|DUBAN_[A-Z_]+|[A-D][0-9]{2}")
# What is no word: addresses, mailboxes, paths, receipts, and commands to be copied.
_NO_WORDS = (
    re.compile(r"https?://\S+"),
    re.compile(r"[\w.+-]+@[\w.-]+"),
    re.compile(r"(?<![A-Za-z])/[\w./-]+"),
    re.compile(r"\b[0-9a-f]{20,}\.duban"),
    re.compile(r"(?:\./)?duban(?: (?:--)?[a-z][a-z-]*)*"),
)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_SAMPLES = 3  # pages of a kind


def english(text: str) -> list[str]:
    """Return the words of a text that are not Chinese and are not allowed."""
    for pattern in _NO_WORDS:
        text = pattern.sub(" ", text)
    return [word for word in _WORD.findall(text) if not ALLOWED.fullmatch(word)]


def in_book(body: bytes) -> list[str]:
    """Return the English words of a workbook, names of its sheets included."""
    book = load_workbook(io.BytesIO(body))
    cells = [str(cell or "") for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row]
    return [word for text in (*book.sheetnames, *cells) for word in english(text)]


def in_page(text: str) -> list[str]:
    """Return the English words of a page that somebody sees or hears."""
    spoken = re.findall(r'(?:placeholder|aria-label|alt|title)="([^"]*)"', text)
    bare = re.sub(r"(?s)<(style|script)\b.*?</\1>", " ", text)
    return english(html.unescape(" ".join((re.sub(r"<[^>]+>", " ", bare), *spoken))))


def on_site(client: httpx.Client, *begin: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each page or workbook that links lead to, with its English words.

    A few pages of a kind; the description of the programming interface is not for offices.
    """
    waiting, seen, kinds = list(begin), set(begin), Counter[str]()
    while waiting:
        path = waiting.pop(0)
        kind = re.sub(r"=[^&]*", "=", re.sub(r"^(/[a-z]+/[^/]+/[^/]+)/[^?]*", r"\1", path))
        kind = re.sub(r"\d+", "0", kind)
        kinds[kind] += 1
        if kinds[kind] > _SAMPLES:
            continue
        answer = client.get(path)
        assert answer.status_code == 200, path
        if "spreadsheet" in answer.headers["content-type"]:
            yield path, in_book(answer.content)
        elif "html" in answer.headers["content-type"]:
            yield path, in_page(answer.text)
            chosen = re.search(r'action="(/[a-z]+)".*?name="period".*?</select>', answer.text, re.S)
            found = re.findall(r'href="(/[^"]*)"', answer.text)
            if chosen:
                values = re.findall(r'<option value="([^"]+)"', chosen[0].partition('name="period"')[2])
                found += [f"{chosen[1]}?period={value}" for value in values]
            for link in map(html.unescape, found):
                one = link.partition("#")[0]
                if one not in seen and not one.startswith(("/docs", "/static", "/feeds", "/openapi")):
                    seen.add(one)
                    waiting.append(one)
