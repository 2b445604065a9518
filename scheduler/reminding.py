"""One reminder at once, to those who still owe, because somebody asked for it."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session

from scheduler import holding, queries
from scheduler.addressing import Recipient, recipients
from scheduler.hours import sending
from scheduler.ladder import REMIND
from scheduler.matrix import Cell, matrix
from scheduler.occurrences import Occurrence
from scheduler.postponing import postponed
from scheduler.refusals import Refused
from scheduler.statuses import SOON, brief
from scheduler.store import one_planner
from scheduler.world import World
from workflows.workdays import Workdays


class Reminder(NamedTuple):
    """One institution that owes, some of its cells, and the mailboxes they go to (maybe none)."""

    institution: str
    cells: tuple[Cell, ...]
    to: tuple[Recipient, ...] = ()


class Outlook(NamedTuple):
    """What asking for a period's reports comes to, each cell that is owed in one of four places.

    ``told`` are reminded; ``unreachable`` would be, but nobody has a mailbox for them; ``before``
    were reminded so on this local day; ``later`` are not due soon.
    """

    told: tuple[Reminder, ...]
    unreachable: tuple[Reminder, ...]
    before: tuple[Reminder, ...]
    later: tuple[Reminder, ...]

    @property
    def put_off(self) -> tuple[Cell, ...]:
        """Return what is left out because it is not due soon, the next first."""
        cells = [cell for one in self.later for cell in one.cells]
        return tuple(sorted(cells, key=lambda cell: (cell.extended_to or cell.due, cell.key)))


def pressing(cell: Cell, today: date, workdays: Workdays) -> bool:
    """Return whether a report that is owed is to be asked for now.

    It is where it was returned, is overdue, or falls due within seven working days (临期); an
    extended one goes by its new date.
    """
    if not cell.owed:
        return False
    ends = cell.extended_to or cell.due
    return cell.state == "returned" or ends < workdays.forward(today, SOON + 1)


def foresee(
    session: Session,
    document: str,
    period: str,
    now: datetime,
    world: World,
    everything: bool = False,
) -> Outlook:
    """Return what ``remind`` would do at ``now`` (aware), without doing it.

    ``everything``: also what is not due soon. Raises Refused for a document or period there is not.
    """
    return _outlook(session, document, period, now, world, everything)[0]


def remind(
    session: Session,
    document: str,
    period: str,
    now: datetime,
    world: World,
    by: str,
    everything: bool = False,
) -> Outlook:
    """Plan one notice for each report that is owed and pressing, in the caller's transaction.

    The mail goes the usual way: in the sending hours, in the digest of the day. What nobody can be
    mailed about is noted as unsent, with the reason. ``everything``: also what is not due soon.
    Raises Refused where there is no such document or period, where nobody owes, where nothing is
    due soon, and where all who can be reminded were on this local day already.
    """
    one_planner(session)
    found, known = _outlook(session, document, period, now, world, everything)
    if not (found.told or found.unreachable or found.before):
        if not found.later:
            raise Refused("这一期没有谁还欠着", "已报、待审、免报和已知悉的不催")
        first = found.put_off[0]
        raise Refused(
            f"这一期还没有到该催的时候，最早的 {brief(first.extended_to or first.due)}到期",
            "到期前七个工作日起、退回的和逾期的才催；现在就要催的，连没到期的一起催（命令加 --all）",
        )
    if not found.told and found.before:
        nobody = f"；另有 {len(found.unreachable)} 家没有可送的邮箱" if found.unreachable else ""
        raise Refused(f"今天已经催过这一期{nobody}", "同一事项一天只催一次，明天再催")
    rows = [
        _row(known[cell.key], recipient, now, world)
        for one in (*found.told, *found.unreachable)
        for cell in one.cells
        for recipient in _recipients(known[cell.key], world, now) or (_nobody(known[cell.key]),)
    ]
    queries.plan_notices(session, rows)
    detail = f"{period}：{sum(len(one.cells) for one in found.told)} 项，{len(found.told)} 家单位"
    entry = {"at": now, "who": by, "action": REMIND, "about": document, "detail": detail}
    queries.audit(session, [entry])
    return found


def _outlook(
    session: Session, document: str, period: str, now: datetime, world: World, everything: bool
) -> tuple[Outlook, dict[str, Occurrence]]:
    """Return what is to be done, and the occurrences as they stand with their extensions."""
    whole = matrix(session, world, document, now, period)
    owed = {cell.key: cell for cell in whole.cells if cell.owed}
    done = _reminded(session, list(owed), whole.today.toordinal())
    known = {
        key: postponed(found.occurrence, owed[key].extended_to, world.workdays)
        for key, found in holding.known(session, list(owed)).items()
    }
    sorts: tuple[list[Reminder], ...] = ([], [], [], [])
    for row in whole.rows:
        cells: tuple[list[Cell], ...] = ([], [], [], [])
        to: dict[str, Recipient] = {}
        for cell in row.cells:
            if cell.key not in owed:
                continue
            meant = _recipients(known[cell.key], world, now)
            if cell.key in done:
                place = 2
            elif not everything and not pressing(cell, whole.today, world.workdays):
                place = 3
            else:
                place = 0 if meant else 1
            cells[place].append(cell)
            if place == 0:
                to.update({recipient.address: recipient for recipient in meant})
        for place, some in enumerate(cells):
            if some:
                reached = tuple(to.values()) if place == 0 else ()
                sorts[place].append(Reminder(row.institution, tuple(some), reached))
    return Outlook(*(tuple(one) for one in sorts)), known


def _recipients(one: Occurrence, world: World, now: datetime) -> tuple[Recipient, ...]:
    return recipients(one, "responsible", world, now.astimezone(world.timezone).date())


def _reminded(session: Session, keys: list[str], day: int) -> set[str]:
    column = queries.NOTICES.c
    found: set[str] = set()
    for some in queries.chunks(keys):
        query = select(column.key).where(
            column.key.in_(some), column.rung == REMIND, column.move == day,
            column.recipient != "",
        )
        found.update(session.execute(query).scalars())
    return found


def _nobody(one: Occurrence) -> Recipient:
    return Recipient("", one.responsible.id or "", "", "")


def _row(one: Occurrence, to: Recipient, now: datetime, world: World) -> queries.Row:
    return {
        "key": one.key,
        "rung": REMIND,
        "due": one.due,
        "recipient": to.address,
        "channel": "mail",
        "move": now.astimezone(world.timezone).date().toordinal(),
        "restored": False,
        "institution": to.institution,
        "role": to.role,
        "office": to.office,
        "placeholder": to.placeholder,
        "statutory": False,
        "release_at": sending(now, world.timezone, world.workdays),
        "planned_at": now,
        "note": to.note,
        "reason": None if to.address else queries.NOBODY,
    }
