"""What an edit would change: wanted occurrences against stored ones. Pure.

First load, the yearly extension of the horizon and every edit go through here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from operator import attrgetter
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from scheduler.facts import DONE, SETTLED
from scheduler.hours import sending
from scheduler.ladder import CHANGED, decide, fitted, reached, steps
from scheduler.occurrences import Occurrence, bound, occurrences
from scheduler.placing import RESTING
from scheduler.postponing import postponed
from scheduler.records import NOTHING, Records
from scheduler.world import World
from workflows.workdays import Workdays

Action = Literal["add", "change", "remove", "keep"]
RECORDED = "登记"  # why it is there: people recorded a term or an event
ACTIONS: tuple[Action, ...] = ("add", "change", "remove", "keep")


class Held(NamedTuple):
    """What the store has under a key: enough to see whether anything changed.

    ``facts`` are the kinds of the facts that hold. ``extended_to``: the day that was granted in
    place of ``due``; ``history``: nobody is reminded of it.
    """

    key: str
    document: str
    due: date | None
    digest: str
    status: str
    facts: frozenset[str] = frozenset()
    extended_to: date | None = None
    history: bool = False


class Known(NamedTuple):
    """The stored occurrence itself, how many were told its present date by mail, and the rungs
    that were planned for it."""

    occurrence: Occurrence
    told: int = 0
    rungs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Move:
    """One line of a plan. ``mails``: rungs that would go out at once because of it."""

    action: Action
    key: str
    document: str
    title: str
    responsible: str
    cause: str
    old: date | None
    new: date | None
    sent: int = 0
    mails: tuple[str, ...] = ()


@dataclass(frozen=True)
class Changes:
    """The moves, by action, document, date and key, and the occurrences to store for them."""

    moves: tuple[Move, ...]
    occurrences: Mapping[str, Occurrence]

    @property
    def any(self) -> bool:
        """Return whether anything would change; what is kept does not."""
        return any(move.action != "keep" for move in self.moves)

    def count(self, action: Action) -> int:
        """Return the number of moves of one action."""
        return sum(move.action == action for move in self.moves)


def horizon(today: date) -> date:
    """Return the last day for which occurrences are stored: the end of the year after next."""
    return date(today.year + 2, 12, 31)


def wanted(
    world: World, documents: Iterable[str], until: date, records: Records = NOTHING
) -> list[Occurrence]:
    """Return all occurrences of the documents up to a day, each with the rungs that fit it.

    ``records``: the terms and events that were recorded.
    """
    found: list[Occurrence] = []
    for name in documents:
        found += fitted(
            occurrences(
                world.documents[name],
                world.rosters[name],
                world.workdays,
                date.min,
                until,
                strict=world.strict,
                records=records,
            )
        )
    return found


_SEEN = attrgetter(*(field.name for field in fields(Occurrence) if field.name != "rungs"))


def digest(one: Occurrence) -> str:
    """Return a digest in two parts: what a reader sees, and the ladder."""
    seen = hashlib.blake2b(repr(_SEEN(one)).encode(), digest_size=16).hexdigest()
    ladder = hashlib.blake2b(repr(one.rungs).encode(), digest_size=4).hexdigest()
    return f"{seen}.{ladder}"


def visible(digest: str) -> str:
    """Return the part of a digest that changes with what a reader sees."""
    return digest.partition(".")[0]


def compare(
    wanted: Collection[Occurrence],
    held: Mapping[str, Held],
    look: Callable[[list[str]], Mapping[str, Known]],
    now: datetime,
    workdays: Workdays,
    zone: ZoneInfo,
    extending: bool = False,
    recorded: bool = False,
) -> Changes:
    """Return what is to be done so that the store holds what is wanted.

    ``look`` gives what is stored in full; it is asked only for what changes. ``extending``: the
    additions come from time passing, ``recorded``: from what people recorded, not from an edit.
    """
    by_key = {one.key: one for one in wanted}
    live = {key: one for key, one in held.items() if one.status != "cancelled"}
    added = [one for one in wanted if one.key not in live]
    gone = [key for key in live if key not in by_key]
    changed = [
        one for one in wanted if one.key in live and live[one.key].digest != digest(one)
    ]
    known = look([*gone, *(one.key for one in changed)])
    today = now.astimezone(zone).date()
    series = {key.rpartition("/")[0] for key in live}
    obligations = {one.partition("/")[2].partition("/")[0] for one in series}
    documents = {one.document for one in live.values()}
    moves: list[Move] = []
    for one in added:
        if extending:
            cause = "日历按年向后延伸"
        elif recorded:
            cause = RECORDED
        elif one.document not in documents:
            cause = "首次采用文件"
        elif one.obligation not in obligations:
            cause = "新增事项"
        elif one.key.rpartition("/")[0] not in series:
            cause = "名册新增对象"
        else:
            cause = "新增日期"
        mails = _at_once(one, now, workdays, zone) if one.due and one.due >= today else ()
        moves.append(_move("add", one, cause, None, one.due, 0, mails))
    for one in changed:
        moves.append(_change(one, live[one.key], known[one.key], now, workdays, zone))
    left = {one.key.rpartition("/")[0] for one in wanted}
    left_obligations = {(one.document, one.obligation) for one in wanted}
    left_documents = {one.document for one in wanted}
    for key in gone:
        old, told, _ = known[key]
        if old.document not in left_documents:
            cause = "撤下文件"
        elif (old.document, old.obligation) not in left_obligations:
            cause = "删去事项"
        elif key.rpartition("/")[0] not in left:
            cause = "名册删去对象"
        else:
            cause = "不再有这一期"
        # What is known, extended or came back is owed no more; its facts stay on record.
        action: Action = "keep" if live[key].status in SETTLED else "remove"
        moves.append(_move(action, old, cause, old.due, None, told))
    moves.sort(key=lambda m: (ACTIONS.index(m.action), m.document, m.new or m.old or today, m.key))
    kept = {move.key for move in moves if move.action == "keep"}
    stored = {one.key: one for one in (*added, *changed) if one.key not in kept}
    return Changes(tuple(moves), stored)


def _change(
    one: Occurrence, held: Held, known: Known, now: datetime, workdays: Workdays, zone: ZoneInfo
) -> Move:
    old, told, rungs = known
    cause = "、".join(_causes(old, one)) or "写法改动"
    if one.due != old.due and (held.facts.intersection(DONE) or held.status in SETTLED):
        return _move("keep", one, cause, old.due, one.due, told)
    mails: tuple[str, ...] = ()
    today = now.astimezone(zone).date()
    granted = held.extended_to
    if granted and one.due != old.due:
        stands = one.due is not None and one.due < granted
        cause += f"；延期至{granted}，{'仍然有效' if stands else '不再起作用'}"
    text, before = one, old
    one, old = (postponed(each, granted, workdays) for each in (text, before))
    if one.due != old.due and one.due is not None and one.due >= today:
        mails = (CHANGED,) * bool(told) + _at_once(one, now, workdays, zone)
    elif one.due == old.due and bound(one) != bound(old) and held.status not in RESTING:
        mails = tuple(step.rung for step in reached(one, rungs, workdays, zone, today))
    return _move("change", text, cause, before.due, text.due, told, mails)


def _move(
    action: Action,
    one: Occurrence,
    cause: str,
    old: date | None,
    new: date | None,
    sent: int,
    mails: tuple[str, ...] = (),
) -> Move:
    return Move(
        action, one.key, one.document, one.title, one.responsible.name, cause, old, new, sent, mails
    )


def _at_once(one: Occurrence, now: datetime, workdays: Workdays, zone: ZoneInfo) -> tuple[str, ...]:
    """Return the rung that would go at the next sending hour, if any."""
    step = decide(steps(one, workdays, zone), {}, sending(now, zone, workdays), zone).step
    return (step.rung,) if step else ()


BINDS = "实际最迟日改动"
_CAUSES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("期限改动", ("due",)),
    ("时段起点改动", ("opens",)),
    (BINDS, ("binds_by",)),
    ("放假安排改动", ("last_working_day", "provisional")),
    ("责任单位改动", ("responsible", "unresolved")),
    ("名册或角色改动", ("assisting", "recipients", "pairings")),
    ("条款或措辞改动", ("clauses", "phrase", "title", "summary", "number", "programme")),
    ("报送方式改动", ("submit",)),
    ("频次要求改动", ("quota",)),
    ("依据或读法改动", ("phase", "reading", "other_reading", "why", "kind")),
    ("提醒阶梯改动", ("rungs",)),
)


def _causes(old: Occurrence, new: Occurrence) -> list[str]:
    """Return what differs; days that follow from a moved due date are not named besides it."""
    found = [
        cause
        for cause, names in _CAUSES
        if any(getattr(old, name) != getattr(new, name) for name in names)
    ]
    if found and found[0] == "期限改动":
        follows = {BINDS, "放假安排改动", "提醒阶梯改动"}
        found = [cause for cause in found if cause not in follows]
    return [f"实际最迟日由 {old.binds_by} 改为 {new.binds_by}" if c == BINDS else c for c in found]
