"""What a mail says of each notice: pure values that a template only has to lay out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from notifications import shortfalls
from notifications.links import PARAMETER, Signer
from notifications.phrasing import brief, on, plain
from notifications.stationed import (
    first_day,
    followed_by_gap,
    is_gap,
    is_handover,
    remaining,
    when,
)
from notifications.wording import submission
from scheduler.addressing import recipients
from scheduler.ladder import steps
from scheduler.occurrences import Occurrence
from scheduler.pacing import Kept
from scheduler.world import World

TEXT_LIMIT = 300
FOOTING = {
    "open-ended": "原文没有写到哪一年为止，按仍须办理提醒",
    "contested": "到哪一年为止，原文有两种读法，按仍须办理提醒",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What was done about a notice of the same occurrence: its local day, rung, and outcome.

    ``outcome`` is a message's state, or ``nobody`` where there was nobody to send it to.
    """

    day: date
    rung: str
    outcome: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One notice with its occurrence. ``was`` is the date told before, for a changed one.

    ``own``: the recipient's institution owes it or assists, and the rung is for those who do.
    ``original``: the date of the text, where an authority granted a later one. ``kept``: what is
    counted for a quota.
    """

    notice: int
    occurrence: Occurrence
    rung: str
    due: date
    own: bool
    note: str | None = None
    was: date | None = None
    told: tuple[Told, ...] = ()
    original: date | None = None
    kept: Kept | None = None


@dataclass(frozen=True)
class Item:
    """One thing to do, as a mail prints it; several pairings of one duty are one item.

    ``when`` is the word before its date.
    """

    title: str
    when: str
    due: str
    remaining: str
    late: bool
    last_working_day: str | None
    provisional: bool
    was: str | None
    bound: str | None
    lines: tuple[str, ...]
    source: str
    reading: str | None
    other: str | None
    notes: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


def url(world: World, key: str, signer: Signer | None = None) -> str:
    """Return the address of an occurrence's page; opening it changes nothing.

    ``signer``: makes it a link with which the recipient can record there.
    """
    token = signer.token(key) if signer else ""
    return f"{world.base_url.rstrip('/')}/items/{key}" + (f"?{PARAMETER}={token}" if token else "")


def grouped(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Return the entries by what a reader takes for one thing: the most urgent first."""
    groups: dict[tuple[object, ...], list[Entry]] = {}
    for entry in sorted(entries, key=lambda e: (e.due, e.occurrence.key)):
        one = entry.occurrence
        same = (
            one.document, one.obligation, one.responsible, entry.due, entry.was, entry.own,
            entry.original, one.title, one.summary,  # a handover or a gap has its own
        )  # fmt: skip
        groups.setdefault(same, []).append(entry)
    return list(groups.values())


def item(
    group: Sequence[Entry], reader: str, world: World, today: date, signer: Signer | None = None
) -> Item:
    """Return what a mail of the local day ``today`` says of a group of entries.

    ``reader`` is the id of the recipient's institution.
    """
    first = group[0]
    one, due = first.occurrence, first.due
    last, quota = one.last_working_day, shortfalls.is_quota(one)
    bound = one.binds_by if one.binds_by and one.binds_by < due else None
    notes = dict.fromkeys(plain(entry.note, TEXT_LIMIT) for entry in group if entry.note)
    footing = [FOOTING[one.phase]] if one.phase in FOOTING else []
    if first.original:
        footing.insert(0, f"原定{on(first.original, today)}，已延期至{on(due, today)}")
    return Item(
        title=plain(one.title),
        when=shortfalls.when(one, due < today) or when(one, due < today),
        due=on(first_day(one, due), today),
        remaining=shortfalls.ended_short(one, due < today)
        or remaining(one, world.workdays, today, due),
        late=due < today and not quota,
        last_working_day=on(last, today)
        if last and last != due and last >= today and not quota
        else None,
        provisional=one.provisional and due >= today,
        was=on(first.was, today) if first.was else None,
        bound=on(bound, today) if bound and bound >= today else None,
        lines=(*_short(group, today), *_where(group), *_how(one, reader)),
        source=source(one, world),
        reading=plain(one.reading, TEXT_LIMIT) if one.reading else None,
        other=plain(one.other_reading, TEXT_LIMIT) if one.other_reading else None,
        notes=(*footing, *notes),
        links=tuple(
            (about(one), url(world, key, signer))
            for key, one in {e.occurrence.key: e.occurrence for e in group}.items()
        ),
    )


def _short(group: Sequence[Entry], today: date) -> Iterable[str]:
    """Yield of each quota in a group what is too little, by pairing where there are several."""
    for entry in group:
        if entry.kept is not None:
            said = shortfalls.shortfall(entry.occurrence, entry.kept.tally, today)
            apart = about(entry.occurrence) if len(group) > 1 else ""
            yield f"{apart}：{said}" if apart else said


def _where(group: Sequence[Entry]) -> Iterable[str]:
    """Yield which pairing it is about, unless the links of the group tell it."""
    one = group[0].occurrence
    if len({entry.occurrence.key for entry in group}) > 1:
        return
    if one.kind == "rotation":
        for supporter, recipient in one.pairings:
            yield f"{plain(supporter.name)}派驻{plain(recipient.name)}"
    elif "." in one.key.split("/")[2]:
        for supporter, recipient in one.pairings:
            yield f"帮扶关系：{plain(supporter.name)} → {plain(recipient.name)}"


def _how(one: Occurrence, reader: str) -> Iterable[str]:
    if one.summary:
        yield plain(one.summary, TEXT_LIMIT)
    recipients = "、".join(plain(party.name) for party in one.recipients)
    if recipients:
        yield f"报给：{recipients}"
    for way in one.submit:
        yield plain(submission(way), TEXT_LIMIT)
    if reader in [party.id for party in one.assisting]:
        yield f"由{plain(one.responsible.name)}牵头，本单位协助"
    elif one.assisting:
        yield f"协助：{several([party.name for party in one.assisting])}"


def source(one: Occurrence, world: World) -> str:
    """Return number and clauses of an occurrence's document."""
    document = world.documents.get(one.document)
    name = one.number or (document.title if document else one.document)
    return plain(f"{name} {'、'.join(one.clauses)}", TEXT_LIMIT)


def about(one: Occurrence) -> str:
    """Return what sets an occurrence apart from the others of its group."""
    if len(one.pairings) == 1:
        sides = one.pairings[0]
        others = [party.name for party in sides if party != one.responsible]
        return plain(" → ".join(others))
    return ""


def several(names: Sequence[str], limit: int = 3) -> str:
    """Return names in a row, cut after ``limit`` with how many there are."""
    shown = "、".join(plain(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown}等 {len(names)} 家"


def next_steps(entries: Sequence[Entry], reader: str, world: World, today: date) -> str:
    """Return what happens next if nothing is done, for the most urgent entry that goes on.

    ``reader`` is the id of the recipient's institution.
    """
    climbing = [
        (entry, later)
        for entry in sorted(entries, key=lambda entry: (entry.due, entry.occurrence.key))
        if (later := _later(entry.occurrence, world, today))
    ]
    if not climbing and any(followed_by_gap(entry.occurrence, world) for entry in entries):
        return "期满时还没有登记下一批的，从空档第一天起逐级催办；登记了下一批，就不再提醒。"
    if not climbing and all(is_handover(entry.occurrence) for entry in entries):
        return "只提醒到期满为止；登记了下一批，就不再提醒。"
    if not climbing and all(shortfalls.is_quota(entry.occurrence) for entry in entries):
        return shortfalls.NEXT
    if not climbing:
        return "以上各项不再逐级催办，仍列在台账上，直到登记办结。"
    first, later = climbing[0]
    said = "，".join(
        f"{brief(day, today)}{_target(to, first.occurrence, reader, world, day)}"
        for day, to in later
    )
    still = "仍没有登记派驻人员" if is_gap(first.occurrence) else "仍未登记办结"
    since = still if first.due < today else f"{brief(first.due, today)}以后{still}"
    more = "其余各项照此办理。" if len({entry.due for entry, _ in climbing}) > 1 else ""
    return f"{since}的，{said}。{more}"


def _later(one: Occurrence, world: World, today: date) -> list[tuple[date, str]]:
    """Return the days after today on which the ladder speaks after the due date, and to whom."""
    climbed = steps(one, world.workdays, world.timezone)
    return [
        (step.at.date(), step.to)
        for step in climbed
        if step.last_day is None and step.at.date() > today
    ]


def _target(to: str, one: Occurrence, reader: str, world: World, day: date) -> str:
    """Return in words whom a later rung will speak to, as the contacts stand now."""
    if to == "responsible":
        return "再提醒一次"
    found = dict.fromkeys(r.institution for r in recipients(one, to, world, day))
    if not found:
        return "报管理员"
    if one.responsible.id != reader and set(found) == {reader}:
        return "再列一次"
    if one.responsible.id in found:
        return "提醒本单位协调员"
    named = world.rosters[one.document].institutions
    return f"报{several([named[i].name if i in named else i for i in found])}协调员催办"
