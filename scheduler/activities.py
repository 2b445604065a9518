"""Activities are recorded, imported and withdrawn; nothing of them is ever deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import insert, select, update
from sqlmodel import Session

from config.text import HIDDEN
from scheduler import aims, queries, recalling, recorded, tallies
from scheduler.aims import Aim, Fault
from scheduler.applying import settle
from scheduler.records import Records
from scheduler.refusals import Refused
from scheduler.store import one_planner
from scheduler.tallies import ACTIVITIES
from scheduler.world import World

MOST = 100_000
LONGEST = 300
EARLIEST = date(1949, 1, 1)


@dataclass(frozen=True, slots=True)
class Done:
    """What is to be recorded: institutions and item as written, ``on`` a local day.

    ``obligation`` is an id or a title. ``institution`` stands in place of the two sides where a
    duty is not counted by pairing.
    """

    document: str
    obligation: str
    on: date
    supporter: str = ""
    recipient: str = ""
    institution: str = ""
    count: int = 1
    item: str | None = None
    evidence: str | None = None


class Checked(NamedTuple):
    """What is to be recorded, found in the documents, with what is odd about it (Chinese)."""

    done: Done
    aim: Aim
    warnings: tuple[str, ...]


class Recorded(NamedTuple):
    """The number of an activity, and what is odd about it."""

    number: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """An activity as it is stored."""

    id: int
    document: str
    obligation: str
    subject: str
    on: date
    count: int
    item: str | None
    evidence: str | None
    recorded_at: datetime
    recorded_by: str
    withdrawn_at: datetime | None
    reason: str | None


def check(
    done: Done, today: date, world: World, records: Records | None = None
) -> tuple[Checked | None, list[Fault]]:
    """Return what is to be recorded as found in the documents, or everything that is wrong.

    ``records``: the terms that are recorded, where a quota holds for each of them.
    """
    aim, faults = aims.find(done, world, records)
    if done.on > today:
        faults.append(Fault("on", f"日期 {done.on} 还没有到", "写已经发生的日期"))
    elif done.on < EARLIEST:
        faults.append(Fault("on", f"日期 {done.on} 太早", "核对年份"))
    if not 1 <= done.count <= MOST:
        faults.append(Fault("count", f"次数不能是 {done.count}", f"写 1 到 {MOST} 的整数"))
    for column, value in (("item", done.item), ("evidence", done.evidence)):
        if value and (len(value) > LONGEST or HIDDEN.search(value)):
            hint = f"写成一行，不超过 {LONGEST} 个字"
            faults.append(Fault(column, "内容太长，或有看不见的字符", hint))
    if faults or aim is None:
        return None, faults
    item, fault = aim.item(done.item)
    if fault is not None:
        return None, [fault]
    return Checked(done, aim._replace(named=item), tuple(aims.warnings(aim, item, done))), []


def record(session: Session, done: Done, now: datetime, by: str, world: World) -> Recorded:
    """Store an activity in the caller's transaction, with all that follows from it.

    Raises Refused where it cannot be, or stands recorded already.
    """
    known = recorded.records(session, [done.document])
    checked, faults = check(done, now.astimezone(world.timezone).date(), world, known)
    if checked is None:
        raise Refused(faults[0].message, faults[0].hint)
    if number := standing(session, checked):
        hint = "同一天确有几次的，撤回后用次数写明，或写不同的佐证"
        raise Refused(f"已登记过完全相同的活动（编号 {number}）", hint)
    (number,) = record_all(session, [checked], now, by, world)
    return Recorded(number, checked.warnings)


def record_all(
    session: Session, found: Sequence[Checked], now: datetime, by: str, world: World
) -> list[int]:
    """Store activities that were checked, in the caller's transaction; return their numbers.

    What they count towards is looked at anew, and mails that wait about it are taken back.
    """
    one_planner(session)
    beginners = _beginners(session, found)
    numbers: list[int] = []
    rows: list[queries.Row] = []
    for done, aim, _ in found:
        number: int = session.execute(
            insert(ACTIVITIES)
            .values(
                document=aim.document, obligation=aim.duty.id, subject=aim.subject.id,
                on=done.on, count=done.count, item=aim.named, evidence=done.evidence or None,
                recorded_at=now, recorded_by=by,
            )
            .returning(ACTIVITIES.c.id)
        ).scalar_one()  # fmt: skip
        numbers.append(number)
        said = (f"第 {number} 号", str(done.on), f"{done.count}", aim.named, done.evidence)
        rows.append(
            {
                "at": now, "who": by, "action": "activity",
                "about": f"{aim.document}/{aim.duty.id}/{aim.subject.id}",
                "detail": "；".join(part for part in said if part),
            }
        )  # fmt: skip
    keys = {key for done, aim, _ in found for key in _windows(session, aim, done.on)}
    today = now.astimezone(world.timezone).date()
    for aim in beginners:
        owners = aim.institutions
        coming = tallies.windows(session, aim.document, aim.subject.id, owners, today)
        keys.update(key for key, _ in coming)
    _follow(session, keys, now, world, "活动已登记，另拟新信")
    queries.audit(session, rows)
    return numbers


def withdraw(
    session: Session, number: int, reason: str, now: datetime, by: str, world: World
) -> Listed:
    """Let an activity count no longer, in the caller's transaction; it stays, with the reason.

    Returns what was recorded; raises Refused where there is nothing to withdraw.
    """
    one_planner(session)
    one = find(session, number)
    if one is None:
        raise Refused(f"没有编号为 {number} 的活动", "现有的见 duban activity list")
    if one.withdrawn_at is not None:
        raise Refused(f"编号 {number} 的活动早已撤回", "")
    if not reason.strip():
        raise Refused("撤回要写理由", "加上 --reason")
    session.execute(
        update(ACTIVITIES)
        .where(ACTIVITIES.c.id == number)
        .values(withdrawn_at=now, reason=reason.strip()[:LONGEST])
    )
    aim = aims.of_stored(one.document, one.obligation, one.subject, world)
    if aim is not None:
        _follow(session, _windows(session, aim, one.on), now, world, "活动已撤回，另拟新信")
    about = f"{one.document}/{one.obligation}/{one.subject}"
    entry = {"at": now, "who": by, "action": "withdraw", "about": about}
    queries.audit(session, [entry | {"detail": f"第 {number} 号；{reason.strip()[:LONGEST]}"}])
    return one


def standing(session: Session, checked: Checked) -> int | None:
    """Return the number of an activity that stands recorded just so, or None."""
    done, aim, _ = checked
    column = ACTIVITIES.c
    query = (
        select(column.id)
        .where(column.document == aim.document, column.obligation == aim.duty.id)
        .where(column.subject == aim.subject.id, column.on == done.on)
        .where(column.count == done.count, column.item.is_not_distinct_from(aim.named))
        .where(column.evidence.is_not_distinct_from(done.evidence or None))
        .where(column.withdrawn_at.is_(None))
    )
    return session.execute(query.limit(1)).scalar()


def mentioned(session: Session, mention: str) -> bool:
    """Return whether any activity, withdrawn or not, has just this evidence."""
    query = select(ACTIVITIES.c.id).where(ACTIVITIES.c.evidence == mention)
    return session.execute(query.limit(1)).first() is not None


_LISTED = tuple(ACTIVITIES.c[field.name] for field in fields(Listed))


def find(session: Session, number: int) -> Listed | None:
    """Return an activity by its number, or None."""
    row = session.execute(select(*_LISTED).where(ACTIVITIES.c.id == number)).first()
    return Listed(*row) if row else None


def listed(
    session: Session,
    document: str | None = None,
    subject: str | None = None,
    first: date = date.min,
    last: date = date.max,
    *,
    withdrawn: bool = False,
) -> list[Listed]:
    """Return what is recorded from one local day to another (both included), by day and number.

    ``withdrawn``: also what counts no longer.
    """
    column = ACTIVITIES.c
    query = select(*_LISTED).where(column.on >= first, column.on <= last)
    if document is not None:
        query = query.where(column.document == document)
    if subject is not None:
        query = query.where(column.subject == subject)
    if not withdrawn:
        query = query.where(column.withdrawn_at.is_(None))
    return [Listed(*row) for row in session.execute(query.order_by(column.on, column.id))]


def _beginners(session: Session, found: Sequence[Checked]) -> list[Aim]:
    """Return one aim for each subject that begins to keep records with these."""
    kept = tallies.keepers(
        session, {aim.document for _, aim, _ in found}, {aim.subject.id for _, aim, _ in found}
    )
    subjects = {(aim.document, aim.subject.id): aim for _, aim, _ in found}
    return [aim for at, aim in subjects.items() if at not in kept]


def _windows(session: Session, aim: Aim, on: date) -> list[str]:
    """Return the key of the stored window that holds a day, or comes next after it."""
    found = tallies.windows(
        session, aim.document, aim.subject.id, aim.institutions, on, aim.duty.id
    )
    return [key for key, due in found if due == found[0][1]]


def _follow(session: Session, keys: Iterable[str], now: datetime, world: World, why: str) -> None:
    listed_keys = sorted(keys)
    recalling.recall(session, listed_keys, now, why)
    settle(session, listed_keys, now, world)
