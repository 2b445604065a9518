"""What an activity counts towards: the quota and the subject, found by the words of a person."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple, Protocol

from config.roster import Institution, Roster
from scheduler.occurrences import LATEST, Occurrence, occurrences
from scheduler.parties import Subject, subjects
from scheduler.records import Records
from scheduler.world import World
from workflows.document import Document, Duty, Quota


class Words(Protocol):
    """What a person wrote; ``activities.Done`` is one."""

    @property
    def document(self) -> str: ...
    @property
    def obligation(self) -> str: ...
    @property
    def on(self) -> date: ...
    @property
    def supporter(self) -> str: ...
    @property
    def recipient(self) -> str: ...
    @property
    def institution(self) -> str: ...


class Fault(NamedTuple):
    """What is wrong: the column or flag it is about, a Chinese sentence and a hint."""

    column: str
    message: str
    hint: str


class Aim(NamedTuple):
    """A quota and one of its subjects; ``window`` is the one that holds the day, if any does.

    ``named``: the item or the member of a set, as the document or the roster has it. ``then``: the
    members on the day itself, some of which may have left the set before the window ends.
    """

    document: str
    duty: Duty
    subject: Subject
    window: Occurrence | None
    named: str | None = None
    then: tuple[str, ...] = ()

    @property
    def institutions(self) -> frozenset[str]:
        """Return ids of institutions that the windows of the subject touch."""
        sides = [party.id for pair in self.subject.pairings for party in pair]
        return frozenset(one for one in (self.subject.responsible.id, *sides) if one)

    def item(self, word: str | None) -> tuple[str | None, Fault | None]:
        """Return the item or member that a word or its ordinal means, or what is wrong with it."""
        word = (word or "").strip()
        if not word:
            return None, None
        rule = self.duty.rule  # type: ignore[attr-defined]
        known = rule.items
        if self.window is not None and self.window.quota is not None:
            known = self.window.quota.members or self.window.quota.items
        if not known and rule.each:
            return word, None
        if not known:
            return None, Fault("item", "这一事项不分项", "不用写是哪一项，具体内容写在佐证里")
        if word in known or word in self.then:
            return word, None
        if word.isascii() and word.isdigit() and 1 <= int(word) <= len(known) and rule.items:
            return known[int(word) - 1], None
        near = difflib.get_close_matches(word, known, 3, 0.4) or known[:6]
        return None, Fault("item", f"没有“{word[:40]}”这一项", f"可以写：{'、'.join(near)}")


def find(
    said: Words, world: World, records: Records | None = None
) -> tuple[Aim | None, list[Fault]]:
    """Return the quota and subject that a person means, or everything that is wrong."""
    document = world.documents.get(said.document)
    if document is None:
        known = "、".join(world.documents)
        return None, [Fault("document", f"没有编号为“{said.document}”的文件", f"现有：{known}")]
    duty, fault = _duty(document, said.obligation)
    if duty is None:
        return None, [fault] if fault else []
    roster = world.rosters[document.id]
    subject, faults = _subject(document, roster, duty, said)
    if subject is None:
        return None, faults
    window = window_at(world, document, duty, subject, said.on, records)
    return Aim(document.id, duty, subject, window, None, _then(duty, subject, roster, said.on)), []


def _then(duty: Duty, subject: Subject, roster: Roster, on: date) -> tuple[str, ...]:
    """Return the members on a day of the set that a quota is to reach."""
    each = duty.rule.each  # type: ignore[attr-defined]
    owners = [recipient.id for _, recipient in subject.pairings] or [subject.responsible.id]
    found = (roster.members_of(each, owner, on) for owner in owners if each and owner)
    return tuple(dict.fromkeys(member for some in found for member in some))


def of_stored(document: str, obligation: str, subject: str, world: World) -> Aim | None:
    """Return what a stored activity counts towards, None where the documents lack it now."""
    source = world.documents.get(document)
    if source is None:
        return None
    for duty in source.obligations:
        if duty.id == obligation:
            for one in subjects(source, world.rosters[document], duty):
                if one.id == subject:
                    return Aim(document, duty, one, None)
    return None


LENGTHS = {
    "week": 7, "fortnight": 14, "month": 31, "two-months": 62, "quarter": 92, "half-year": 184,
    "year": 366,
}  # fmt: skip


def quotas_of(document: Document) -> tuple[Quota, ...]:
    """Return the quotas of a document, in its order."""
    return tuple(duty for duty in document.obligations if isinstance(duty, Quota))


def current(
    world: World, document: Document, today: date, records: Records | None = None
) -> list[Occurrence]:
    """Return the quota windows of a document that hold a local day, in the duties' order."""
    whole = max(today, document.ends or document.validity.core_until) + timedelta(days=366)
    found: list[Occurrence] = []
    for duty in quotas_of(document):
        length = LENGTHS.get(duty.rule.per)
        last = min(today + timedelta(days=length) if length else whole, LATEST)
        found += [
            one
            for one in windows(world, document, today, last, duty, None, records)
            if one.opens and one.opens <= today
        ]
    return found


def windows(
    world: World,
    document: Document,
    first: date,
    last: date,
    duty: Duty | None = None,
    pairing: str | None = None,
    records: Records | None = None,
) -> list[Occurrence]:
    """Return the quota windows that end from one day to another (both included), by end and key.

    ``duty``, ``pairing`` (an id) and ``records`` (of terms) narrow or complete them.
    """
    some = tuple(d for d in quotas_of(document) if duty is None or d.id == duty.id)
    roster = world.rosters[document.id]
    if pairing is not None:
        kept = tuple(p for p in roster.pairings if p.id == pairing)
        roster = replace(roster, pairings=kept)
    return occurrences(
        document.model_copy(update={"obligations": some}), roster, world.workdays, first, last,
        strict=world.strict, records=records,
    )  # fmt: skip


def window_at(
    world: World,
    document: Document,
    duty: Duty,
    subject: Subject,
    on: date,
    records: Records | None = None,
) -> Occurrence | None:
    """Return the window of a subject that holds a day, None where none does."""
    ends = document.ends or document.validity.core_until
    last = min(max(on, ends) + timedelta(days=800), LATEST)
    pairing = subject.id if duty.per == "pairing" else None
    for one in windows(world, document, on, last, duty, pairing, records):
        if one.key.split("/")[2] == subject.id and one.opens and one.opens <= on:
            return one
    return None


def warnings(aim: Aim, item: str | None, said: Words) -> Iterator[str]:
    """Yield what is odd about an activity that is recorded all the same."""
    if aim.window is None:
        yield f"{said.on} 不在“{aim.duty.title}”的任何一期之内，已记下，不计数"
    elif aim.window.quota and aim.window.quota.members and item is None:
        yield f"没有写到了哪一处，已记下，不计入“{aim.duty.title}”；写明是哪一处才计"
    elif aim.window.quota and aim.window.quota.members and item not in aim.window.quota.members:
        gone = f"“{item}”到这一期最后一天（{aim.window.due}）已不在名单上"
        yield f"{gone}，已记下，不计入“{aim.duty.title}”"


def _duty(document: Document, word: str) -> tuple[Duty | None, Fault | None]:
    quotas = quotas_of(document)
    named = {name: duty for duty in document.obligations for name in (duty.title, duty.id)}
    found = named.get(word.strip())
    if isinstance(found, Quota):
        return found, None
    if found is not None:
        hint = f"频次事项有：{'、'.join(duty.id for duty in quotas) or '无'}"
        return None, Fault("obligation", f"“{found.title}”不是频次事项，不按次数计", hint)
    known = [name for duty in quotas for name in (duty.id, duty.title)]
    near = difflib.get_close_matches(word, known, 3, 0.4) or [duty.id for duty in quotas]
    hint = f"可以写：{'、'.join(near)}" if near else "这份文件没有频次事项"
    return None, Fault("obligation", f"{document.id} 没有“{word[:60]}”这一事项", hint)


def _subject(
    document: Document, roster: Roster, duty: Duty, said: Words
) -> tuple[Subject | None, list[Fault]]:
    found = subjects(document, roster, duty)
    if duty.per == "pairing":
        return _of_pairing(roster, duty, found, said)
    if len(found) == 1 and found[0].id == "all":
        return found[0], []
    if not said.institution.strip():
        return None, [Fault("institution", "这一事项按单位计，没有写单位", "写 --institution 单位")]
    one = roster.find(said.institution.strip())
    if one is None:
        return None, [unknown(roster, "institution", said.institution)]
    for subject in found:
        if subject.id == one.id:
            return subject, []
    names = "、".join(subject.responsible.name for subject in found[:6])
    return None, [Fault("institution", f"{one.name}没有这一事项", f"有这一事项的：{names}")]


def _of_pairing(
    roster: Roster, duty: Duty, found: list[Subject], said: Words
) -> tuple[Subject | None, list[Fault]]:
    sides: list[Institution] = []
    faults: list[Fault] = []
    for column, word in (("supporter", said.supporter), ("recipient", said.recipient)):
        if not word.strip():
            name = "支援" if column == "supporter" else "受援"
            faults.append(Fault(column, f"没有写{name}单位", f"写 --{column} 单位的名称或编号"))
        elif (one := roster.find(word.strip())) is None:
            faults.append(unknown(roster, column, word))
        else:
            sides.append(one)
    if len(sides) < 2:
        return None, faults
    pair = sides[0].id, sides[1].id
    rows = [p for p in roster.pairings if (p.supporter, p.recipient) == pair]
    known = {one.id: one for one in found}
    # Of several spells, the one that holds on the day; else the last, and the day is outside.
    rows.sort(key=lambda p: (p.from_ or date.min) <= said.on and said.on < (p.until or date.max))
    for row in reversed(rows):
        if row.id in known:
            return known[row.id], []
    names = roster.institutions
    others = [p for p in roster.pairings if p.id in known and pair[1] == p.recipient]
    others += [p for p in roster.pairings if p.id in known and pair[0] == p.supporter]
    near = "、".join(f"{names[p.supporter].name}—{names[p.recipient].name}" for p in others[:4])
    message = f"{sides[0].name}与{sides[1].name}不是这一事项的帮扶关系"
    return None, [Fault("recipient", message, f"有：{near}" if near else "核对支援、受援两方")]


def unknown(roster: Roster, column: str, word: str) -> Fault:
    """Return that the roster has no institution of a name."""
    near = difflib.get_close_matches(word, roster.by_name, 3, 0.5)
    return Fault(column, f"名册里没有“{word[:60]}”", _like(near) or "核对名称，或用机构编号")


def _like(near: Iterable[str]) -> str:
    listed = "、".join(near)
    return f"是不是 {listed}？" if listed else ""
