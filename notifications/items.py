"""What a mail says of each notice: pure values that a template only has to lay out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from notifications import shortfalls
from notifications.links import PARAMETER, Signer
from notifications.phrasing import on, plain
from notifications.stationed import first_day, remaining, when
from notifications.wording import submission
from scheduler.occurrences import Occurrence
from scheduler.pacing import Kept
from scheduler.parties import Party
from scheduler.world import World

TEXT_LIMIT = 300
NAMES = 6  # so many are named; of more, their number is said
FOOTING = {
    "open-ended": "原文没有写到哪一年为止，按仍须办理提醒",
    "contested": "到哪一年为止，原文有两种读法，按仍须办理提醒",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What was done about a notice of the same occurrence: its local day, rung, and outcome.

    ``outcome`` is a message's state, or ``nobody`` where there was nobody to send it to. A mail
    that was refused after a hand-over without an answer is ``in_doubt``: the first may be there.
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

    What it says holds for each of them; ``links`` has a name, an address and what holds for it
    alone. ``when`` is the word before its date, ``count`` how many they are, ``led`` whether
    another institution leads and the reader's assists.
    """

    title: str
    count: int
    led: bool
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
    links: tuple[tuple[str, str, tuple[str, ...]], ...]


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
            # Said once for all of them, so it has to hold for each.
            first_day(one, entry.due), one.last_working_day, one.provisional, one.binds_by,
            one.phase, one.number, one.clauses, one.reading, one.other_reading, one.recipients,
            one.submit,
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
    footing = [FOOTING[one.phase]] if one.phase in FOOTING else []
    if first.original and first.original != first.was:
        footing.insert(0, f"原定{on(first.original, today)}，已延期至{on(due, today)}")
    members = {entry.occurrence.key: entry.occurrence for entry in group}
    notes = _notes(group)
    alike = len(set(notes.values())) == 1
    shared, apart = _helpers(list(members.values()), reader)
    return Item(
        title=plain(one.title),
        count=len(members),
        led=_led(one, reader),
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
        lines=(*_short(group, today), *_where(group), *how(one), *shared),
        source=source(one, world),
        reading=plain(one.reading, TEXT_LIMIT) if one.reading else None,
        other=plain(one.other_reading, TEXT_LIMIT) if one.other_reading else None,
        notes=(*footing, *(notes[one.key] if alike else ())),
        links=tuple(
            (
                about(member), url(world, key, signer),
                (*apart.get(key, ()), *(() if alike else notes[key])),
            )
            for key, member in members.items()
        ),
    )  # fmt: skip


def _notes(group: Sequence[Entry]) -> dict[str, tuple[str, ...]]:
    """Return what is to be said besides, by key: it may hold for some of a group alone."""
    found: dict[str, dict[str, None]] = {entry.occurrence.key: {} for entry in group}
    for entry in group:
        if entry.note:
            found[entry.occurrence.key][plain(entry.note, TEXT_LIMIT)] = None
    return {key: tuple(said) for key, said in found.items()}


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


def how(one: Occurrence) -> Iterable[str]:
    """Yield what an occurrence is about, to whom it is reported, and how to hand it in."""
    if one.summary:
        yield plain(one.summary, TEXT_LIMIT)
    recipients = "、".join(plain(party.name) for party in one.recipients)
    if recipients:
        yield f"报给：{recipients}"
    for way in one.submit:
        yield plain(submission(way), TEXT_LIMIT)


def _led(one: Occurrence, reader: str) -> bool:
    return one.responsible.id != reader and reader in [party.id for party in one.assisting]


def _helpers(
    members: Sequence[Occurrence], reader: str
) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Return who assists: what holds for all of a group, and by key what holds for one alone."""
    one = members[0]
    led = _led(one, reader)
    leads = (f"由{plain(one.responsible.name)}牵头，本单位协助",) if led else ()
    word = "同为协助" if led else "协助"
    helping = {m.key: [p for p in m.assisting if not (led and p.id == reader)] for m in members}
    if all(some == helping[one.key] for some in helping.values()):
        return (*leads, *_named(word, helping[one.key])), {}
    if all(set(helping[m.key]) == set(_others(m)) for m in members):
        supports = {member.responsible == member.pairings[0][0] for member in members}
        side = "对方单位" if len(supports) > 1 else "受援单位" if True in supports else "支援单位"
        return (*leads, f"{word}：各自的{side}，即下列 {len(members)} 家"), {}
    return leads, {key: tuple(_named(word, some)) for key, some in helping.items()}


def _others(one: Occurrence) -> list[Party]:
    """Return whom the name of a member of a group names."""
    return [p for p in one.pairings[0] if p != one.responsible] if len(one.pairings) == 1 else []


def _named(word: str, parties: Sequence[Party]) -> Iterable[str]:
    if parties:
        yield f"{word}：{several([party.name for party in parties], NAMES)}"


def source(one: Occurrence, world: World) -> str:
    """Return number and clauses of an occurrence's document."""
    document = world.documents.get(one.document)
    name = one.number or (document.title if document else one.document)
    return plain(f"{name} {'、'.join(one.clauses)}", TEXT_LIMIT)


def about(one: Occurrence) -> str:
    """Return what sets an occurrence apart from the others of its group."""
    return plain(" → ".join(party.name for party in _others(one)))


def several(names: Sequence[str], limit: int = 3) -> str:
    """Return names in a row, cut after ``limit`` with how many there are."""
    shown = "、".join(plain(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown}等 {len(names)} 家"
