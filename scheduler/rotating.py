"""Recorded stationing terms become occurrences: terms, handovers, gaps, windows per term. Pure.

Nothing here looks at the present day: a gap is known from the terms before it comes, and is gone
as soon as somebody is recorded for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from scheduler import stationing
from scheduler.parties import Subject, subjects
from scheduler.records import Records, Term
from scheduler.stationing import DAY, Handover, Span
from workflows.kinds import QuotaRule, RotationRule
from workflows.rules import Period

if TYPE_CHECKING:
    from config.roster import Roster
    from scheduler.wordings import Wording
    from workflows.document import Document, Duty
    from workflows.workdays import Workdays

TERM, HANDOVER, GAP = "term-", "handover-", "gap-"
REMINDED = (HANDOVER, GAP)
UNRELIEVED = (("before-60d", "responsible"), ("before-14d", "responsible"))
RELIEVED = (("before-60d", "responsible"),)  # told once: nothing is missing
ESCALATED = (("1wd", "responsible"), ("5wd", "coordinator"), ("10wd", "issuer"))
PER_SHIFT = "按登记的驻点期计"


@dataclass(frozen=True, slots=True)
class Row:
    """One occurrence to be: ``title`` and ``summary`` None keep those of its obligation."""

    period: Period
    title: str | None = None
    summary: str | None = None
    rungs: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True)
class Schedule:
    """A pairing's terms, those withdrawn, and the days on which document and pairing hold.

    ``last`` is included; None: no end.
    """

    terms: tuple[Term, ...]
    withdrawn: tuple[Term, ...]
    first: date
    last: date | None

    def within(self, from_: date, until: date) -> bool:
        """Return whether half-open days touch the validity."""
        return until > self.first and (self.last is None or from_ <= self.last)

    def holds(self, day: date) -> bool:
        """Return whether a day lies in the validity."""
        return self.within(day, day + DAY)


def by_terms(rule: Any) -> bool:
    """Return whether a rule's periods follow from recorded terms, once there are any."""
    return isinstance(rule, RotationRule) or (isinstance(rule, QuotaRule) and rule.per == "shift")


def schedules(
    document: Document, roster: Roster, duty: Duty, records: Records | None
) -> dict[str, Schedule]:
    """Return the schedules of an obligation's pairings that have terms recorded, by subject id."""
    if records is None or duty.per != "pairing":
        return {}
    found: dict[str, Schedule] = {}
    for subject in subjects(document, roster, duty):
        supporter, recipient = subject.pairings[0]
        name = f"{supporter.id}.{recipient.id}"
        first, last = _validity(document, subject)
        whole = Schedule((), (), first, last)
        terms, withdrawn = (
            tuple(term for term in some if whole.within(term.from_, term.until))
            for some in (
                records.terms_of(document.id, name),
                records.withdrawn_of(document.id, name),
            )
        )
        if terms:
            found[subject.id] = Schedule(terms, withdrawn, first, last)
    return found


def _validity(document: Document, subject: Subject) -> tuple[date, date | None]:
    first = max(document.binds_from, subject.from_ or date.min)
    ends = [document.ends, subject.until and subject.until - DAY]
    return first, min((day for day in ends if day), default=None)


def rows(
    schedule: Schedule, wordings: Sequence[Wording], workdays: Workdays
) -> Iterator[tuple[Wording, Row]]:
    """Yield what follows from a schedule, each with the wording that holds on its day."""
    for named, term in _named(schedule):
        wording = _in_force(wordings, term.from_)
        rule = wording.rule
        if isinstance(rule, RotationRule):
            yield wording, _term(named, term)
        elif by_terms(rule) and (row := _window(named, term, schedule, rule)):
            yield wording, row
    for one in stationing.handovers(schedule.terms):
        wording = _in_force(wordings, one.last_day)
        if isinstance(wording.rule, RotationRule) and _followed(one, schedule):
            yield wording, _handover(one, wording.rule)
    for gap in gaps(schedule):
        wording = _in_force(wordings, gap.from_)
        if isinstance(wording.rule, RotationRule) and wording.rule.full_year:
            yield wording, _gap(gap, schedule, workdays)


def _in_force(wordings: Sequence[Wording], day: date) -> Wording:
    for one, later in pairwise(wordings):
        if later.since is None or day < later.since:
            return one
    return wordings[-1]


def _named(schedule: Schedule) -> Iterator[tuple[str, Term]]:
    """Yield the terms by their first day; the second of a day is -2, in the order of recording."""
    seen: Counter[date] = Counter()
    for term in sorted(schedule.terms, key=lambda term: (term.from_, term.id)):
        seen[term.from_] += 1
        many = seen[term.from_]
        yield f"{term.from_}" + (f"-{many}" if many > 1 else ""), term


def _term(name: str, term: Term) -> Row:
    staff = f"，{term.staff}" if term.staff else ""
    last = term.until - DAY
    return Row(
        Period(f"{TERM}{name}", term.from_, last),
        f"驻点期（{term.people}人{staff}）",
        f"{_day(term.from_)}至{_day(last)}，{term.people}人{staff}",
        (),
    )


def _window(name: str, term: Term, schedule: Schedule, rule: QuotaRule) -> Row | None:
    opens = max(term.from_, schedule.first, rule.from_ or date.min)
    ends = [term.until - DAY, schedule.last, rule.until]
    due = min(day for day in ends if day)
    if opens > due:
        return None
    return Row(Period(name, opens, due, opens == term.from_, None, PER_SHIFT))


def _followed(one: Handover, schedule: Schedule) -> bool:
    """Return whether a team is due after the one that leaves."""
    return schedule.holds(one.last_day) and schedule.holds(one.last_day + DAY)


def _handover(one: Handover, rule: RotationRule) -> Row:
    return Row(
        Period(f"{HANDOVER}{one.last_day}", None, one.last_day),
        f"驻点期满{'轮换' if rule.rotate else ''}（本批{one.leaving}人）",
        stationing.said(one, rule.full_year),
        RELIEVED if one.relieved else UNRELIEVED,
    )


def gaps(schedule: Schedule) -> list[Span]:
    """Return the days without anybody after the first term began; the last may be without end."""
    first = max(schedule.terms[0].from_, schedule.first)
    until = schedule.last + DAY if schedule.last else date.max
    return stationing.gaps(stationing.spans(schedule.terms), Span(first, until))


def _gap(gap: Span, schedule: Schedule, workdays: Workdays) -> Row:
    known = _known(gap.from_, schedule)
    # Whoever learns of it only while it lasts is told then, from the first rung on.
    due = known if known and gap.from_ < known < gap.until else gap.from_
    open_end = gap.until == date.max or gap.until - DAY == schedule.last
    upto = "下一批尚未登记" if open_end else f"至{_day(gap.until - DAY)}"
    rungs = tuple(
        (f"after-{count}", to)
        for count, to in ESCALATED
        if workdays.forward(due, int(count.removesuffix("wd"))) < gap.until
    )
    return Row(
        Period(f"{GAP}{gap.from_}", gap.from_ if due != gap.from_ else None, due),
        "驻点空档",
        f"{_day(gap.from_)}起没有登记派驻人员，{upto}",
        rungs,
    )


def _known(first: date, schedule: Schedule) -> date | None:
    """Return the local day on which it could be known that nobody is there from a day on."""
    ended = [t for t in (*schedule.terms, *schedule.withdrawn) if t.until == first]
    learned = [term.recorded_on for term in ended if term.recorded_on]
    taken_back = [
        term.withdrawn_on
        for term in schedule.withdrawn
        if term.withdrawn_on and term.from_ <= first < term.until
    ]
    return max([*([min(learned)] if learned else []), *taken_back], default=None)


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
