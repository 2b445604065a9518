"""Stationing terms are recorded, replaced and withdrawn; nothing of them is ever deleted."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import and_, update
from sqlmodel import Session

from config.roster import Pairing, Roster
from config.text import HIDDEN
from scheduler import queries, recalling, recorded, rotating
from scheduler.happenings import happened
from scheduler.plan import Changes
from scheduler.queries import NOTICES
from scheduler.records import Term
from scheduler.refusals import Refused
from scheduler.revising import revise
from scheduler.stationing import Span
from scheduler.store import one_planner
from scheduler.tables import Shift
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
    return [*found, *_twice(_term(entry, roster), standing)]


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


def _term(entry: Entry, roster: Roster) -> Term:
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
            held.append(_term(entry, world.rosters[entry.document]))
    return found


def standing(session: Session, world: World) -> tuple[Term, ...]:
    """Return the terms that stand, of all applied documents."""
    return recorded.records(session, world.documents).terms


def add(
    session: Session,
    entries: Sequence[Entry],
    now: datetime,
    by: str,
    world: World,
    replaces: int | None = None,
) -> list[int]:
    """Record terms in the caller's transaction and return their numbers.

    ``replaces``: the number of the term that the (one) entry takes the place of. What follows from
    them changes in the same transaction. Raises Refused, and records nothing then.
    """
    one_planner(session)
    old = _held(session, replaces) if replaces is not None else None
    held = [term for term in standing(session, world) if term.id != replaces]
    if wrong := check_all(entries, world, held):
        raise Refused(wrong[0][1].message, wrong[0][1].hint)
    rows: list[Shift] = []
    for entry in entries:
        term = _term(entry, world.rosters[entry.document])
        rows.append(
            Shift(
                document=term.document, supporter=term.supporter, recipient=term.recipient,
                from_=term.from_, until=term.until, people=term.people,
                staff=term.staff.strip(), persons=json.dumps(term.persons, ensure_ascii=False),
                recorded_at=now, recorded_by=by,
            )
        )  # fmt: skip
    session.add_all(rows)
    session.flush()
    if old is not None:
        old.withdrawn_at, old.superseded_by, old.reason = now, rows[0].id, "已改登"
        session.add(old)
    session.flush()
    numbers = [row.id or 0 for row in rows]
    _note(session, rows, "shift", now, by)
    _follow(session, [*rows, *([old] if old else [])], now, by, world)
    return numbers


def withdraw(
    session: Session, number: int, reason: str, now: datetime, by: str, world: World
) -> Term:
    """Let a term count no longer, in the caller's transaction; return what it was."""
    one_planner(session)
    row = _held(session, number)
    if not reason.strip():
        raise Refused("撤回要写理由", "加上 --reason，如：登记有误")
    row.withdrawn_at, row.reason = now, reason.strip()
    session.add(row)
    session.flush()
    _note(session, [row], "shift-withdrawn", now, by)
    term = as_term(row)
    _follow(session, [row], now, by, world)
    return term


def as_term(row: Shift) -> Term:
    """Return a stored row as a value."""
    persons = tuple(json.loads(row.persons))
    return Term(
        row.id or 0, row.document, row.supporter, row.recipient, row.from_, row.until,
        row.people, row.staff, persons,
    )  # fmt: skip


def _held(session: Session, number: int) -> Shift:
    row = session.get(Shift, number)
    if row is None:
        raise Refused(f"没有编号为 {number} 的驻点期", "编号见 duban shift list")
    if row.withdrawn_at is not None:
        raise Refused(f"编号为 {number} 的驻点期已经撤回或改登", "编号见 duban shift list")
    return row


def _note(session: Session, rows: Iterable[Shift], action: str, now: datetime, by: str) -> None:
    entries: list[queries.Row] = []
    for row in rows:
        about = f"{row.document}/{row.supporter}.{row.recipient}"
        detail = f"编号 {row.id}：{row.from_} 至 {row.until}（不含），{row.people}人"
        detail += "".join(f"；{part}" for part in (row.staff, row.reason) if part)
        entries.append({"at": now, "who": by, "action": action, "about": about, "detail": detail})
    queries.audit(session, entries)


def _follow(
    session: Session, rows: Sequence[Shift], now: datetime, by: str, world: World
) -> None:
    """Bring what follows from the terms of some pairings up to what is recorded."""
    today = now.astimezone(world.timezone).date()
    touched: dict[str, list[Term]] = defaultdict(list)
    replaced = {row.id for row in rows if row.superseded_by is not None}
    for row in rows:
        touched[row.document].append(as_term(row))
    session.expunge_all()  # from here on the rows change by statements
    for document, terms in touched.items():
        if document not in world.documents:
            continue
        ids = _subjects(terms, world.rosters[document])
        duties = [
            duty.id
            for duty in world.documents[document].obligations
            if rotating.by_terms(duty.rule)
        ]
        _take_back(session, revise(session, document, duties, ids, now, world, by), now)
        current = [term for term in terms if term.until > today and term.id not in replaced]
        if current:  # what is over starts nothing
            about = _subjects(current, world.rosters[document])
            first = min(current, key=lambda term: term.from_)
            cause = f"派驻人员变动：{first.from_} 起{first.people}人"
            origin = f"shift/{min(term.id for term in current)}/{now.isoformat()}"
            happened(session, document, "team", about, today, cause, origin, now, world, by)


def _subjects(terms: Iterable[Term], roster: Roster) -> set[str]:
    pairs = {(term.supporter, term.recipient) for term in terms}
    return {one.id for one in roster.pairings if (one.supporter, one.recipient) in pairs}


def _take_back(session: Session, changes: Changes, now: datetime) -> None:
    """Take back mails that say what no longer holds, and rungs that are not on the ladder now."""
    changed = [move.key for move in changes.moves if move.action == "change"]
    recalling.recall(session, changed, now, "驻点登记有变，另拟新信")
    for key in changed:
        rungs = [rung for rung, _ in changes.occurrences[key].rungs]
        waiting = and_(NOTICES.c.message_id.is_(None), NOTICES.c.reason.is_(None))
        session.execute(
            update(NOTICES)
            .where(NOTICES.c.key == key, NOTICES.c.rung.not_in(rungs), waiting)
            .values(reason="驻点登记有变，这一档不再需要")
        )
