"""What is said of a stationing term before it is recorded, and everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from config.roster import Pairing, Roster
from config.text import HIDDEN
from scheduler.records import Term
from scheduler.stationing import Span
from scheduler.world import World

YEARS = (1949, 2200)
MOST_PEOPLE = 1_000
STAFF_LIMIT, PERSON_LIMIT = 60, 40
_NAME = re.compile(r"[\u3400-\u9fff·．.]+")
_NUMBER = re.compile(r"\d{11}")


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be recorded, the institutions by name, alias or id; ``until`` is exclusive."""

    document: str
    supporter: str
    recipient: str
    from_: date
    until: date
    people: int
    staff: str = ""
    persons: tuple[str, ...] = ()


class Fault(NamedTuple):
    """Why something cannot be recorded: which part of the entry, a sentence and a hint."""

    part: str
    message: str
    hint: str


def faults(entry: Entry, world: World, standing: Sequence[Term]) -> list[Fault]:
    """Return everything that is wrong with an entry, given the terms that stand."""
    found = [*_of_days(entry), *_of_people(entry)]
    roster = world.rosters.get(entry.document)
    if roster is None:
        return [*found, Fault("document", f"没有应用编号为“{entry.document}”的文件", _DOCUMENTS)]
    pairings, unknown = _pairings(entry, roster)
    if unknown:
        return [*found, *unknown]
    if not any(_in_force(one, entry) for one in pairings):
        hint = f"帮扶关系的起止：{'；'.join(_span(one) for one in pairings)}"
        found.append(Fault("from", "这段时间帮扶关系不在有效期内", hint))
    return [*found, *_twice(term_of(entry, roster), standing)]


_DOCUMENTS = "已应用的文件见 duban documents"


def _of_days(entry: Entry) -> Iterable[Fault]:
    first, last = YEARS
    for part, day in (("from", entry.from_), ("until", entry.until)):
        if not first <= day.year <= last:
            yield Fault(part, f"年份从 {first} 到 {last}，不能是 {day}", "核对年份")
    if entry.until < entry.from_:
        yield Fault("until", f"止日 {entry.until} 早于起日 {entry.from_}", "核对两个日期")
    elif entry.until == entry.from_:
        hint = "止日不含当天：驻点到9月30日的，写10月1日"
        yield Fault("until", "起日和止日是同一天，一天也没有", hint)


def _of_people(entry: Entry) -> Iterable[Fault]:
    if not 1 <= entry.people <= MOST_PEOPLE:
        yield Fault("people", f"人数不能是 {entry.people}", f"写 1 到 {MOST_PEOPLE} 的整数")
    elif len(entry.persons) > entry.people:
        said = f"有 {len(entry.persons)} 个代号，人数只有 {entry.people}"
        yield Fault("person", said, "核对人数和代号")
    if len(set(entry.persons)) < len(entry.persons):
        yield Fault("person", "同一个代号写了两次", "每人一个代号")
    for person in entry.persons:
        if not person or len(person) > PERSON_LIMIT or HIDDEN.search(person):
            yield Fault("person", "代号是空的、太长，或有看不见的字符", "如 A01")
        elif _NAME.fullmatch(person) or _NUMBER.search(person):
            hint = "用单位自编的代号，如 A01；姓名、电话和证件号不进本系统"
            yield Fault("person", "代号看起来是姓名或号码", hint)
    if len(entry.staff) > STAFF_LIMIT or HIDDEN.search(entry.staff):
        said = f"人员类别最多 {STAFF_LIMIT} 个字，不能有看不见的字符"
        yield Fault("staff", said, "如：内科、外科")
    elif _NUMBER.search(entry.staff):
        yield Fault("staff", "人员类别里有电话或证件号", "只写类别，如：内科、外科")


def _pairings(entry: Entry, roster: Roster) -> tuple[list[Pairing], list[Fault]]:
    both = {"supporter": entry.supporter, "recipient": entry.recipient}
    found = {part: roster.find(name.strip()) for part, name in both.items()}
    unknown = [
        Fault(part, f"名册里没有“{both[part][:60]}”", "核对名称，或用机构编号")
        for part, one in found.items()
        if one is None
    ]
    if unknown:
        return [], unknown
    supporter, recipient = (one.id for one in found.values() if one)
    pairings = [
        one for one in roster.pairings if (one.supporter, one.recipient) == (supporter, recipient)
    ]
    if pairings:
        return pairings, []
    named = roster.institutions
    others = [one.recipient for one in roster.pairings if one.supporter == supporter]
    names = "、".join(named[one].name for one in others[:5] if one in named)
    hint = f"它帮扶的是：{names}" if names else "核对支援和受援是不是写反了"
    said = f"{named[supporter].name}与{named[recipient].name}没有帮扶关系"
    return [], [Fault("recipient", said, hint)]


def _in_force(pairing: Pairing, entry: Entry) -> bool:
    after = pairing.from_ is None or pairing.from_ <= entry.from_
    return after and (pairing.until is None or entry.until <= pairing.until)


def _span(pairing: Pairing) -> str:
    return f"{pairing.from_ or '不限'} 至 {pairing.until or '不限'}（止日不含）"


def term_of(entry: Entry, roster: Roster) -> Term:
    ids = [one.id for name in (entry.supporter, entry.recipient) if (one := roster.find(name.strip()))]
    return Term(
        0, entry.document, ids[0], ids[1], entry.from_, entry.until, entry.people,
        entry.staff, entry.persons,
    )  # fmt: skip


def _twice(term: Term, standing: Iterable[Term]) -> Iterable[Fault]:
    for other in standing:
        if (other.document, other.pairing) != (term.document, term.pairing):
            continue
        which = f"（编号 {other.id}）" if other.id else "（本次的前一行）"
        if (other.from_, other.until) == (term.from_, term.until):
            hint = "改动用 duban shift add --replaces 编号，撤回用 duban shift withdraw"
            yield Fault("from", f"同一对关系、同样起止的驻点期已经登记{which}", hint)
            continue
        days = Span(term.from_, term.until).cut(Span(other.from_, other.until))
        again = sorted(set(term.persons) & set(other.persons))
        if days.days and again:
            said = f"{again[0]} 在 {days.from_} 起的日子里已在这里驻点{which}"
            yield Fault("person", said, "核对代号和起止")


def outside(entry: Entry, world: World) -> str | None:
    """Return what is to be said of a sound entry on no day of which its document holds."""
    document = world.documents[entry.document]
    ended = document.ends is not None and entry.from_ > document.ends
    if entry.until > document.binds_from and not ended:
        return None
    days = f"{entry.from_} 至 {entry.until}（不含）"
    return f"{days}在文件的有效期以外，已记下，不看空档，也不提醒"


def check_all(
    entries: Sequence[Entry], world: World, standing: Sequence[Term]
) -> list[tuple[int, Fault]]:
    """Return the faults of several entries taken together, each with the entry's index."""
    found: list[tuple[int, Fault]] = []
    held = list(standing)
    for index, entry in enumerate(entries):
        mine = faults(entry, world, held)
        found += [(index, fault) for fault in mine]
        if not mine:
            held.append(term_of(entry, world.rosters[entry.document]))
    return found
