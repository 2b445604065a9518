"""One reminder at once, to those who still owe, because somebody asked for it."""

from __future__ import annotations

from datetime import datetime
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
from scheduler.store import one_planner
from scheduler.world import World


class Reminder(NamedTuple):
    """One institution that owes, its cells, and the mailboxes it is reminded at (maybe none)."""

    institution: str
    cells: tuple[Cell, ...]
    to: tuple[Recipient, ...]


def remind(
    session: Session, document: str, period: str, now: datetime, world: World, by: str
) -> list[Reminder]:
    """Plan one notice for each report that is owed, in the caller's transaction.

    The mail goes the usual way: in the sending hours, in the digest of the day. Raises Refused
    where there is no such document or period, where nobody owes, and where all who do were
    reminded so on this local day already.
    """
    one_planner(session)
    whole = matrix(session, world, document, now, period)
    owing = [(row, tuple(cell for cell in row.cells if cell.owed)) for row in whole.rows]
    keys = [cell.key for _, cells in owing for cell in cells]
    if not keys:
        raise Refused("这一期没有谁还欠着", "已报、待审、免报和已知悉的不催")
    today = whole.today
    done = _reminded(session, keys, today.toordinal())
    if done.issuperset(keys):
        raise Refused("今天已经催过这一期", "同一事项一天只催一次，明天再催")
    known = {key: found.occurrence for key, found in holding.known(session, keys).items()}
    rows: list[queries.Row] = []
    reminders: list[Reminder] = []
    for row, cells in owing:
        left = tuple(cell for cell in cells if cell.key not in done)
        to: dict[str, Recipient] = {}
        for cell in left:
            one = postponed(known[cell.key], cell.extended_to, world.workdays)
            meant = recipients(one, "responsible", world, today)
            to.update({recipient.address: recipient for recipient in meant})
            rows += [_row(one, recipient, now, world) for recipient in meant or (_nobody(one),)]
        if left:
            reminders.append(Reminder(row.institution, left, tuple(to.values())))
    queries.plan_notices(session, rows)
    detail = f"{period}：{sum(len(one.cells) for one in reminders)} 项，{len(reminders)} 家单位"
    entry = {"at": now, "who": by, "action": REMIND, "about": document, "detail": detail}
    queries.audit(session, [entry])
    return reminders


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
