"""What the store knows of one pairing and one year, as a scoring sheet wants it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlmodel import Session

from config.roster import Pairing
from scheduler import queries, recorded, stationing, tallies
from scheduler.counting import Window, tally
from scheduler.facts import DONE
from scheduler.occurrences import Occurrence, occurrences
from scheduler.records import Records, Term
from scheduler.scoring import Known, Portion, Started, in_full
from scheduler.sheet import Scored, score
from scheduler.stationing import Finding, Span
from scheduler.world import World
from workflows.document import Document
from workflows.kinds import RotationRule
from workflows.sheet import AfterEvent, Sheet

DAY = timedelta(days=1)
YEARS = (1949, 2200)  # of the language
REACH = timedelta(days=366 * 12)  # how far ahead a window that touches the year may end


def span_of(document: Document, pairing: Pairing, year: int) -> tuple[date, date] | None:
    """Return the first and last day (included) of a year on which document and pairing hold.

    None where there is no such day.
    """
    if not YEARS[0] <= year <= YEARS[1]:
        return None
    first = max(date(year, 1, 1), document.binds_from, pairing.from_ or date.min)
    ends = [date(year, 12, 31), document.ends, pairing.until and pairing.until - DAY]
    last = min(day for day in ends if day)
    return (first, last) if first <= last else None


def drafted(
    session: Session, sheet: Sheet, world: World, pairing: Pairing, year: int, now: datetime
) -> Scored | None:
    """Return the draft of a sheet for a pairing and a year; None where they have no day in common.

    ``world`` holds the applied document of the sheet.
    """
    span = span_of(world.documents[sheet.document], pairing, year)
    if span is None:
        return None
    return score(sheet, known(session, sheet, world, pairing, span, now))


def known(
    session: Session,
    sheet: Sheet,
    world: World,
    pairing: Pairing,
    span: tuple[date, date],
    now: datetime,
) -> Known:
    """Return what is recorded of a pairing from the first to the last day of ``span``.

    ``world`` holds the applied document of the sheet.
    """
    document, roster = world.documents[sheet.document], world.rosters[sheet.document]
    first, last = span
    today = now.astimezone(world.timezone).date()
    records = recorded.records(session, [document.id])
    feeds = {feed for part in sheet.parts for one in part.criteria for feed in one.feeds}
    after = {
        one.rule.feed
        for part in sheet.parts
        for one in part.criteria
        if isinstance(one.rule, AfterEvent)
    }
    duties = tuple(duty for duty in document.obligations if duty.id in feeds)
    narrowed = document.model_copy(update={"obligations": duties})
    alone = replace(roster, pairings=(pairing,))
    found = [
        one
        for one in occurrences(
            narrowed, alone, world.workdays, first, last + REACH,
            strict=world.strict, records=records,
        )
        if one.quota and one.due and one.opens and one.opens <= last
    ]  # fmt: skip
    terms = tuple(
        term
        for term in records.terms_of(document.id, f"{pairing.supporter}.{pairing.recipient}")
        if term.from_ <= last and term.until > first
    )
    return Known(
        first=first,
        last=last,
        today=today,
        windows=_windows(session, found, last, today),
        events={
            feed: tuple(_started(session, document.id, feed, pairing.id, span, records))
            for feed in after
        },
        terms=terms,
        findings=tuple(_findings(document, roster.institutions[pairing.recipient].type, terms,
                                 records.terms_of(document.id, pairing.id), span, today)),
        titles={duty.id: duty.title for duty in duties},
        units={one.obligation: one.quota.unit for one in found if one.quota},
    )  # fmt: skip


def _windows(
    session: Session, found: list[Occurrence], last: date, today: date
) -> dict[str, tuple[Portion, ...]]:
    series = {tallies.series_of(one.key) for one in found}
    opens = min((one.opens for one in found if one.opens), default=last)
    done = tallies.deeds(session, series, opens, last)
    facts = queries.facts(session, [one.key for one in found])
    windows: dict[str, tuple[Portion, ...]] = {}
    for one in found:
        assert one.opens
        assert one.due
        assert one.quota
        whole = Window(one.opens, one.due, one.quota)
        counted = tally(whole, done.get(tallies.series_of(one.key), ()), today).counted
        said = {fact.kind for fact in facts.get(one.key, ())}
        portion = Portion(
            one.period,
            one.opens,
            one.due,
            counted,
            whole.owed if one.quota.enforced else 0,  # a window cut short at its beginning
            next((kind for kind in DONE if kind in said), None),
        )
        windows[one.obligation] = (*windows.get(one.obligation, ()), portion)
    return windows


def _started(
    session: Session, document: str, obligation: str, subject: str, span: tuple[date, date],
    records: Records,
) -> Iterator[Started]:  # fmt: skip
    """Yield the events of the year; the second of a day has its key with -2."""
    seen: Counter[date] = Counter()
    days: dict[str, date] = {}
    for event in records.events_of(document, obligation, subject):
        seen[event.on] += 1
        many = f"-{seen[event.on]}" if seen[event.on] > 1 else ""
        if span[0] <= event.on <= span[1]:
            days[f"{document}/{obligation}/{subject}/{event.on}{many}"] = event.on
    statuses = queries.statuses(session, days)
    for key, on in days.items():
        yield Started(on, statuses.get(key) in DONE)


def _findings(
    document: Document,
    type_: str,
    terms: tuple[Term, ...],
    all_terms: tuple[Term, ...],
    span: tuple[date, date],
    today: date,
) -> Iterator[Finding]:
    """Yield the gaps so far, and the terms of the year that are too short or too small."""
    rules = (getattr(duty, "rule", None) for duty in document.obligations)
    rule = next((one for one in rules if isinstance(one, RotationRule)), None)
    if rule is None:
        return
    until = min(span[1], today) + DAY
    for gap in stationing.gaps(stationing.spans(all_terms), Span(span[0], until)):
        last = gap.until - DAY
        said = f"{in_full(gap.from_)}至{in_full(last)}没有登记派驻人员（{gap.days}天）"
        yield Finding("gap", gap.from_, gap.until, said, rule.full_year)
    for found in (*stationing.lengths(terms, rule), *stationing.teams(terms, rule, type_)):
        said = f"{in_full(found.from_)}起的一批：{found.detail}"
        yield replace(found, detail=said)
