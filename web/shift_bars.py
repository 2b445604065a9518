"""A pairing's year as a bar: terms, gaps and today, in days from the first of January. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from notifications.wording import short_day
from scheduler.shift_report import Sheet
from scheduler.stationing import DAY, Finding, Span

TONES = {
    "gap": "late", "short-term": "soon", "long-term": "soon", "small-team": "soon",
    "double-placed": "late", "overlap": "calm", "handover": "wait",
}  # fmt: skip
WORDS = {
    "gap": "空档", "overlap": "重叠", "short-term": "期短", "long-term": "期长",
    "small-team": "人少", "double-placed": "一人两处", "handover": "换班",
}  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """One bar of a year's drawing; ``x`` and ``width`` in days, ``lane`` 0 or 1.

    ``kind``: term, or gap; an enforced gap is what the text does not allow. ``other``: of terms
    every second one, so that the eye can tell them apart.
    """

    kind: str
    x: int
    width: int
    lane: int
    enforced: bool
    said: str
    other: bool = False


@dataclass(frozen=True)
class Drawing:
    """A year of one pairing: ``days`` long; ``today`` in days, None in another year."""

    days: int
    bars: tuple[Bar, ...]
    today: int | None
    said: str


@dataclass(frozen=True)
class Line:
    """One finding in words, with the tone and the word of its mark."""

    tone: str
    word: str
    said: str


def drawing(sheet: Sheet, year: int, today: date) -> Drawing:
    """Return a sheet's year as bars, and in words for those who do not see them."""
    whole = Span(date(year, 1, 1), date(year + 1, 1, 1))
    bars: list[Bar] = []
    until = whole.from_
    for number, term in enumerate(sheet.terms):
        span = Span(term.from_, term.until).cut(whole)
        if not span.days:
            continue
        lane = number % 2 if span.from_ < until else 0
        until = max(until, span.until)
        bar = _bar("term", span, whole, lane, True, f"{term.people}人 {days(span)}")
        bars.append(replace(bar, other=number % 2 == 1))
    for one in sheet.findings:
        if one.what == "gap":
            span = Span(one.from_, one.until).cut(whole)
            bars.append(_bar("gap", span, whole, 0, one.enforced, f"空档 {days(span)}"))
    bars.sort(key=lambda bar: (bar.x, bar.kind))
    at = (today - whole.from_).days if today.year == year else None
    said = "；".join(bar.said for bar in bars) or "这一年没有要看的日子"
    return Drawing(whole.days, tuple(bars), at, f"{year}年：{said}")


def _bar(kind: str, span: Span, whole: Span, lane: int, enforced: bool, said: str) -> Bar:
    x = (span.from_ - whole.from_).days
    return Bar(kind, x, span.days, lane, enforced, said)


def days(span: Span) -> str:
    """Return half-open days as 3月1日至8月31日, with the year where it changes."""
    last = span.until - DAY
    if last == span.from_:
        return short_day(last)
    year = f"{last.year}年" if last.year != span.from_.year else ""
    return f"{short_day(span.from_)}至{year}{short_day(last)}"


def lines(findings: Sequence[Finding], today: date) -> list[Line]:
    """Return findings in words; what the text does not forbid is said calmly."""
    return [
        Line(
            _tone(one, today), WORDS[one.what], f"{days(Span(one.from_, one.until))}：{one.detail}"
        )
        for one in findings
    ]


def _tone(one: Finding, today: date) -> str:
    """Return the tone of a finding: of a handover it is only calm when it is over."""
    loud = one.until > today if one.what == "handover" else one.enforced
    return TONES[one.what] if loud else "calm"
