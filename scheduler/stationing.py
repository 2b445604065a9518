"""Stationing terms against what a text demands of them. Pure, over half-open date intervals.

Nothing here knows a document or a store: terms and a rule go in, findings come out.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import Literal, NamedTuple

from scheduler.records import Term
from workflows.kinds import RotationRule

DAY = timedelta(days=1)
What = Literal[
    "gap", "overlap", "short-term", "long-term", "small-team", "double-placed", "handover"
]


class Span(NamedTuple):
    """Local days from ``from_`` up to ``until`` (exclusive)."""

    from_: date
    until: date

    @property
    def days(self) -> int:
        """Return the number of days, 0 where it ends before it begins."""
        return max((self.until - self.from_).days, 0)

    def cut(self, window: Span) -> Span:
        """Return the part within a window; it may be empty."""
        return Span(max(self.from_, window.from_), min(self.until, window.until))

    def meets(self, other: Span) -> bool:
        """Return whether they have a day in common."""
        return max(self.from_, other.from_) < min(self.until, other.until)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to be seen in a schedule; ``detail`` is a Chinese phrase.

    ``enforced``: the text demands otherwise; else it is only worth knowing.
    """

    what: What
    from_: date
    until: date
    detail: str
    enforced: bool


class Stay(NamedTuple):
    """How long somebody was at one place without a break; ``person`` is empty for a team."""

    span: Span
    person: str = ""


def spans(terms: Iterable[Term]) -> list[Span]:
    """Return the days of terms, in order."""
    return sorted(Span(term.from_, term.until) for term in terms)


def merged(found: Iterable[Span]) -> list[Span]:
    """Return the days covered, as the fewest intervals, in order; empty ones count for nothing."""
    whole: list[Span] = []
    for one in sorted(span for span in found if span.days):
        if whole and one.from_ <= whole[-1].until:
            whole[-1] = Span(whole[-1].from_, max(whole[-1].until, one.until))
        else:
            whole.append(one)
    return whole


def covered(found: Iterable[Span], window: Span) -> list[Span]:
    """Return the days of a window on which somebody is there."""
    return merged(span.cut(window) for span in found)


def gaps(found: Iterable[Span], window: Span) -> list[Span]:
    """Return the days of a window on which nobody is there; of an empty schedule all of it."""
    at, missing = window.from_, []
    for one in covered(found, window):
        if at < one.from_:
            missing.append(Span(at, one.from_))
        at = one.until
    if at < window.until:
        missing.append(Span(at, window.until))
    return missing


def overlaps(found: Iterable[Span]) -> list[Span]:
    """Return the days on which two or more are there at the same time."""
    pairs = combinations(list(found), 2)
    return merged(one.cut(other) for one, other in pairs if one.meets(other))


def percent(found: Iterable[Span], window: Span) -> float:
    """Return how much of a window is covered, in per cent with two decimals.

    Only full coverage is 100. An empty window is covered.
    """
    if not window.days:
        return 100.0
    days = sum(one.days for one in covered(found, window))
    share = round(100 * days / window.days, 2)
    return share if days in (0, window.days) else min(max(share, 0.01), 99.99)


def years(window: Span) -> Iterator[tuple[int, Span]]:
    """Yield the calendar years of a window with the part of each that lies in it."""
    for year in range(window.from_.year, (window.until - DAY).year + 1):
        yield year, Span(date(year, 1, 1), date(year + 1, 1, 1)).cut(window)


def months_after(day: date, months: int) -> date:
    """Return the day so many calendar months later; 31 August and six months is 28 February."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def length(span: Span) -> str:
    """Return how long a span is in words, as 5个月零3天."""
    months = 0
    while months_after(span.from_, months + 1) <= span.until:
        months += 1
    days = (span.until - months_after(span.from_, months)).days
    if not months:
        return f"{days}天"
    return f"{months}个月" + (f"零{days}天" if days else "")


def stays(terms: Iterable[Term], term_of: str) -> list[Stay]:
    """Return what the least and longest term are held against, in order.

    Of the batch: each term. Of the person: consecutive and overlapping stays of the same
    pseudonym taken together; where people of a term have no pseudonym, the term is their stay.
    """
    found: list[Stay] = []
    people: dict[str, list[Span]] = defaultdict(list)
    for term in terms:
        span = Span(term.from_, term.until)
        known = term.persons if term_of == "person" else ()
        for person in known:
            people[person].append(span)
        if len(known) < term.people or not known:
            found.append(Stay(span))
    for person, mine in people.items():
        found += [Stay(span, person) for span in merged(mine)]
    return sorted(found)


def team_size(rule: RotationRule, type_: str) -> int | None:
    """Return the least headcount for a recipient of a type, None where the text sets none."""
    sizes = [one.at_least for one in rule.team if one.type in (None, type_)]
    return max(sizes, default=None)


def lengths(terms: Sequence[Term], rule: RotationRule) -> Iterator[Finding]:
    """Yield the terms (or a person's stays) that are shorter or longer than the text allows."""
    for span, person in stays(terms, rule.term_of):
        who = person or ("每人" if rule.term_of == "person" else "这一批")
        least, most = rule.min_months, rule.max_months
        if least and span.until < months_after(span.from_, least):
            said = f"{who}连续驻点{length(span)}，不足{least}个月"
            yield Finding("short-term", *span, said, True)
        if most and span.until > months_after(span.from_, most):
            said = f"{who}连续驻点{length(span)}，超过{most}个月"
            yield Finding("long-term", *span, said, True)


def teams(terms: Iterable[Term], rule: RotationRule, type_: str) -> Iterator[Finding]:
    """Yield the terms whose team is smaller than a recipient of that type is owed."""
    least = team_size(rule, type_)
    for term in terms:
        if least is not None and term.people < least:
            said = f"这一批{term.people}人，不足{least}人"
            yield Finding("small-team", term.from_, term.until, said, True)


class Handover(NamedTuple):
    """The end of one or more terms. ``last_day`` is their last one.

    ``relief``: how many people are there on the day after; ``next_from``: the first day of the
    next term where nobody is there before it, None where none is recorded.
    """

    last_day: date
    leaving: int
    relief: int
    next_from: date | None

    @property
    def relieved(self) -> bool:
        """Return whether somebody is there on the day after."""
        return self.relief > 0


def handovers(terms: Sequence[Term]) -> list[Handover]:
    """Return the days on which terms end, the earliest first."""
    found: list[Handover] = []
    for end in sorted({term.until for term in terms}):
        relief = sum(term.people for term in terms if term.from_ <= end < term.until)
        later = min((term.from_ for term in terms if term.from_ > end), default=None)
        leaving = sum(term.people for term in terms if term.until == end)
        found.append(Handover(end - DAY, leaving, relief, None if relief else later))
    return found


def next_handover(terms: Sequence[Term], today: date) -> Handover | None:
    """Return the next end of a term from a local day on, None where no term is running or ahead."""
    return next((one for one in handovers(terms) if one.last_day >= today), None)


def said(one: Handover, full_year: bool) -> str:
    """Return what a handover leads to, as 10月1日起由下一批（5人）接替，已登记."""
    after = one.last_day + DAY
    day = f"{after.year}年{after.month}月{after.day}日"
    if one.relieved:
        return f"{day}起由下一批（{one.relief}人）接替，已登记"
    gap = "将出现空档" if full_year else "其间无人驻点（文件没有要求不留空档）"
    if one.next_from is None:
        return f"{day}起由下一批接替；下一批尚未登记，{gap}"
    until = one.next_from - DAY
    since, upto = _short(after), f"至{_short(until)}" if until != after else "当天"
    if until.year != after.year:
        since, upto = f"{after.year}年{since}", f"至{until.year}年{_short(until)}"
    return f"下一批登记从{one.next_from.year}年{_short(one.next_from)}起；{since}{upto}{gap}"


def _short(day: date) -> str:
    return f"{day.month}月{day.day}日"


class Clash(NamedTuple):
    """One person at two sites on the same days; each of the two terms with the other."""

    person: str
    span: Span
    term: Term
    other: Term


def clashes(terms: Iterable[Term]) -> list[Clash]:
    """Return who is at two sites on the same days, across documents; told once for each term."""
    by_person: dict[str, list[Term]] = defaultdict(list)
    for term in terms:
        for person in set(term.persons):
            by_person[person].append(term)
    found: list[Clash] = []
    for person, mine in by_person.items():
        for one, other in combinations(mine, 2):
            span = Span(one.from_, one.until).cut(Span(other.from_, other.until))
            if one.recipient != other.recipient and span.days:
                found += [Clash(person, span, one, other), Clash(person, span, other, one)]
    return sorted(found, key=lambda c: (c.span, c.person, c.term.recipient, c.other.recipient))
