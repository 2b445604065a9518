"""A table of activities is taken over whole, or not at all with everything that is wrong in it."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from config.activity_rows import ActivityRow, ActivityRows
from scheduler import recorded
from scheduler.activities import Checked, Done, check, record_all, standing
from scheduler.world import World


def examine(
    session: Session, read: ActivityRows, document: str, today: date, world: World
) -> list[Checked]:
    """Return what of a table is to be recorded; everything odd or wrong is added to ``read``.

    ``document``: whose the rows are that name none. What stands recorded just so is left out.
    """
    known = recorded.records(session, world.documents)
    found: list[Checked] = []
    seen: dict[object, ActivityRow] = {}
    for row in read.rows:
        checked, faults = check(_done(row, document), today, world, known)
        for fault in faults:
            column = fault.column if fault.column in read.sheet.index else "obligation"
            read.wrong(row, column, fault.message, fault.hint)
        if checked is None:
            continue
        done, aim, odd = checked
        same = (
            aim.document,
            aim.duty.id,
            aim.subject.id,
            done.on,
            done.count,
            aim.named,
            done.evidence,
        )
        if (first := seen.setdefault(same, row)) is not row:
            read.twice(row, first)
        elif number := standing(session, checked):
            read.known(row, number)
        else:
            for message in odd:
                read.odd(row, message)
            found.append(checked)
    return found


def take_over(
    session: Session, read: ActivityRows, document: str, now: datetime, by: str, world: World
) -> list[int]:
    """Record all activities of a table in the caller's transaction and return their numbers.

    Nothing is recorded where ``read.faulty``, before or after its content was looked at.
    """
    today = now.astimezone(world.timezone).date()
    found = examine(session, read, document, today, world)
    if read.faulty or not found:
        return []
    return record_all(session, found, now, by, world)


def _done(row: ActivityRow, document: str) -> Done:
    return Done(
        document=row.document or document,
        obligation=row.obligation,
        on=row.on,
        supporter=row.supporter,
        recipient=row.recipient,
        institution=row.institution,
        count=row.count,
        item=row.item or None,
        evidence=row.evidence or None,
    )
