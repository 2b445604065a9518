"""Documents and rosters become occurrences: who owes what by when. Pure; no clock, no store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from config.roster import Roster
from scheduler import responding, rotating
from scheduler.binding import bind
from scheduler.parties import Party, Subject, subjects
from scheduler.quotas import Count, demanded, reminders
from scheduler.records import Records
from scheduler.wordings import Wording, versions
from workflows.document import Document, Duty, Submission
from workflows.rules import Period, moved, periods
from workflows.workdays import LONGEST, Workdays

DAY = timedelta(days=1)
SLACK = timedelta(days=LONGEST + 2)  # how far a strict reading and a roll may move a date
LATEST = date(2200, 12, 31)  # as far as the language's years go; nothing is listed beyond


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One obligation of one subject for one period.

    ``due`` is the legal date in the documents' own calendar (Asia/Shanghai days), None for duties
    without a date; ``last_working_day`` the last working day on or before it; ``binds_by`` the
    earlier date by which another duty makes it necessary. ``key`` is fixed for good; ``number`` is
    the title where the text prints no number.
    """

    key: str
    document: str
    number: str
    obligation: str
    title: str
    kind: str
    programme: str | None
    period: str
    opens: date | None
    due: date | None
    last_working_day: date | None
    provisional: bool
    phase: str
    reading: str | None
    clauses: tuple[str, ...]
    phrase: str
    responsible: Party
    unresolved: str | None
    assisting: tuple[Party, ...]
    recipients: tuple[Party, ...]
    submit: tuple[Submission, ...]
    binds_by: date | None
    pairings: tuple[tuple[Party, Party], ...]
    quota: Count | None
    summary: str | None = None
    other_reading: str | None = None
    why: str | None = None
    rungs: tuple[tuple[str, str], ...] = ()


def occurrences(
    document: Document,
    roster: Roster,
    workdays: Workdays,
    start: date,
    end: date,
    *,
    strict: bool = False,
    records: Records | None = None,
) -> list[Occurrence]:
    """Return what falls due from ``start`` to ``end`` (both included), by due date then key.

    ``strict`` reads “X日前” as the day before X (setting ``deadline_reading``). Duties without a
    date (standing, and events until they are recorded) come first, whatever the window.
    ``records``: what people recorded; None where there is no store.
    """
    end = min(end, LATEST)
    found = [
        occurrence
        for duty in document.obligations
        for occurrence in _of_duty(document, roster, workdays, duty, start, end, strict, records)
    ]

    def whole(name: str, last: date) -> list[Occurrence]:
        duty = next(duty for duty in document.obligations if duty.id == name)
        return list(_of_duty(document, roster, workdays, duty, date.min, last, strict))

    found = bind(document, found, whole, LATEST)
    return sorted(found, key=lambda one: (one.due or date.min, one.key))


def _of_duty(
    document: Document,
    roster: Roster,
    workdays: Workdays,
    duty: Duty,
    start: date,
    end: date,
    strict: bool,
    records: Records | None = None,
) -> Iterator[Occurrence]:
    if duty.kind in ("standing", "event"):  # type: ignore[attr-defined]
        # The day only fills the field until it is emptied: the same whatever the window.
        within = getattr(duty.rule, "respond_within", None)  # type: ignore[attr-defined]
        said = responding.house_rule(within) if within else None
        dateless = Period("always", None, document.binds_from, note=said)
        wording = next(versions(document, duty))
        for subject in subjects(document, roster, duty):
            one = _occurrence(document, workdays, duty, wording, subject, dateless, "core")
            yield replace(one, due=None, last_working_day=None, provisional=False, binds_by=None)
        if within and records:
            yield from _by_events(document, roster, workdays, duty, wording, records, start, end)
        return
    labels: set[str] = set()
    at: dict[int, list[Subject]] = {}
    wordings = list(versions(document, duty))
    stationed = {}
    if rotating.by_terms(duty.rule):  # type: ignore[attr-defined]
        stationed = rotating.schedules(document, roster, duty, records)
        yield from _by_terms(document, roster, workdays, duty, wordings, stationed, start, end)
    horizon = end if end > LATEST - SLACK else end + SLACK
    for wording in wordings:
        rule, since = wording.rule, wording.since
        for period in periods(rule, document.binds_from, wording.ends, horizon, since):
            if period.label in labels:
                period = period._replace(label=f"{period.label}.{since:%Y%m%d}")
            labels.add(period.label)
            kept = moved(period, rule, workdays, strict=strict)
            if kept.due < start:
                continue
            phase = document.phase(period.due) or "core"
            view = roster.within(period.opens or period.due, period.due)
            if id(view) not in at:  # once for all periods in which the roster is the same
                at[id(view)] = subjects(document, view, duty)
            for subject in at[id(view)]:
                if subject.id in stationed:
                    continue
                clipped = subject.clip(period)
                if clipped is None:
                    continue
                whole = clipped is period
                mine = kept if whole else moved(clipped, rule, workdays, strict=strict)
                if start <= mine.due <= end:
                    one = _occurrence(document, workdays, duty, wording, subject, mine, phase)
                    yield _with_members(one, roster) if one.quota and one.quota.each else one


def _by_events(
    document: Document,
    roster: Roster,
    workdays: Workdays,
    duty: Duty,
    wording: Wording,
    records: Records,
    start: date,
    end: date,
) -> Iterator[Occurrence]:
    """Yield what recorded events ask for, with the roster as it was on the day of each."""
    within = duty.rule.respond_within  # type: ignore[attr-defined]
    for name in records.subjects_of(document.id, duty.id):
        happenings = records.events_of(document.id, duty.id, name)
        for period, cause in responding.answers(happenings, within, workdays):
            assert period.opens is not None
            if not start <= period.due <= end:
                continue
            view = subjects(document, roster.within(period.opens, period.opens), duty)
            subject = next((one for one in view if one.id == name), None)
            if subject is None:
                continue
            phase = document.phase(period.opens) or "core"
            one = _occurrence(document, workdays, duty, wording, subject, period, phase)
            told = (one.summary, f"起因：{cause}" if cause else None)
            yield replace(one, summary="；".join(part for part in told if part) or None)


def _by_terms(
    document: Document,
    roster: Roster,
    workdays: Workdays,
    duty: Duty,
    wordings: list[Wording],
    stationed: Mapping[str, rotating.Schedule],
    start: date,
    end: date,
) -> Iterator[Occurrence]:
    """Yield what follows from recorded terms, with the roster as it is on each of its days."""
    at: dict[int, dict[str, Subject]] = {}
    for name, schedule in stationed.items():
        for wording, row in rotating.rows(schedule, wordings, workdays):
            period = row.period
            if not start <= period.due <= end:
                continue
            view = roster.within(period.opens or period.due, period.due)
            if id(view) not in at:
                at[id(view)] = {one.id: one for one in subjects(document, view, duty)}
            subject = at[id(view)].get(name)
            if subject is None:
                continue
            phase = document.phase(min(period.due, schedule.last or period.due)) or "core"
            one = _occurrence(document, workdays, duty, wording, subject, period, phase)
            yield replace(
                one,
                title=row.title or one.title,
                summary=row.summary or one.summary,
                rungs=one.rungs if row.rungs is None else row.rungs,
            )


def _occurrence(
    document: Document,
    workdays: Workdays,
    duty: Duty,
    wording: Wording,
    subject: Subject,
    period: Period,
    phase: str,
) -> Occurrence:
    due = period.due
    kind: str = duty.kind  # type: ignore[attr-defined]
    rule = wording.rule
    quota = demanded(rule, getattr(duty, "amount", None), enforced=period.enforced)
    last = workdays.on_or_before(due)
    choice = duty.interpretation
    taken = choice.taken if choice else period.reading
    return Occurrence(
        key=f"{document.id}/{duty.id}/{subject.id}/{period.label.lower()}",
        document=document.id,
        number=document.number or document.title,
        obligation=duty.id,
        title=f"{duty.title}（{subject.about.name}）" if subject.about else duty.title,
        kind=kind,
        programme=duty.programme,
        period=period.label,
        opens=period.opens,
        due=due,
        last_working_day=last,
        provisional=workdays.provisional(due) or workdays.provisional(last),
        phase=phase,
        reading="；".join(r for r in (taken, period.note) if r) or None,
        clauses=wording.clauses,
        phrase=wording.phrase,
        responsible=subject.responsible,
        unresolved=subject.unresolved,
        assisting=subject.assisting,
        recipients=subject.recipients,
        submit=duty.submit,
        binds_by=due,
        pairings=subject.pairings,
        quota=quota,
        summary=duty.summary,
        other_reading=choice.other if choice else None,
        why=choice.why if choice else None,
        rungs=reminders(quota, period.opens, due)
        if quota and kind == "quota"
        else tuple((rung.name, rung.to) for rung in document.rungs(duty)),
    )


def _with_members(one: Occurrence, roster: Roster) -> Occurrence:
    """Return a window with the members of the set that it is to reach, of its recipient."""
    assert one.quota is not None
    assert one.quota.each is not None
    assert one.due is not None
    owners = [recipient.id for _, recipient in one.pairings] or [one.responsible.id]
    found = (roster.members_of(one.quota.each, owner, one.due) for owner in owners if owner)
    members = tuple(dict.fromkeys(member for some in found for member in some))
    return replace(one, quota=replace(one.quota, members=members)) if members else one


def bound(one: Occurrence) -> frozenset[str | None]:
    """Return the ids of those who owe an occurrence or assist with it."""
    return frozenset((one.responsible.id, *(party.id for party in one.assisting)))
