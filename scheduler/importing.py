"""A table of activities is taken over whole, or not at all with everything that is wrong in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from sqlmodel import Session

from config.activity_rows import ActivityRow, ActivityRows
from scheduler import evidence, recorded
from scheduler.activities import Checked, Done, check, record_all, standing
from scheduler.refusals import Refused
from scheduler.world import World


class Entry(NamedTuple):
    """An activity of a table that is to be recorded, and the file that is its evidence, if any."""

    checked: Checked
    file: Path | None


def examine(
    session: Session, read: ActivityRows, document: str, today: date, world: World
) -> list[Entry]:
    """Return what of a table is to be recorded; everything odd or wrong is added to ``read``.

    ``document``: whose the rows are that name none. What stands recorded just so is left out.
    Files named as evidence, relative to the table's folder, are looked through and not yet stored.
    """
    known = recorded.records(session, world.documents)
    found: list[Entry] = []
    seen: dict[object, ActivityRow] = {}
    for row in read.rows:
        checked, faults = check(_done(row, document), today, world, known)
        for fault in faults:
            column = fault.column if fault.column in read.sheet.index else "obligation"
            read.wrong(row, column, fault.message, fault.hint)
        if checked is None:
            continue
        try:
            file, mention = _evidence(session, row, Path(read.sheet.path).parent)
        except Refused as refused:
            read.wrong(row, "evidence", refused.message, refused.hint)
            continue
        checked = checked._replace(done=replace(checked.done, evidence=mention))
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
            found.append(Entry(checked, file))
    return found


def _evidence(session: Session, row: ActivityRow, folder: Path) -> tuple[Path | None, str | None]:
    said = evidence.named(session, row.evidence, folder)
    if not isinstance(said, Path):
        return None, said
    if not said.resolve().is_relative_to(folder.resolve()):  # a table comes from somebody else
        raise Refused(f"佐证文件 {row.evidence} 不在这张表的文件夹里", "把文件放到表旁边")
    return said, evidence.foreseen(session, said)


def take_over(
    session: Session, read: ActivityRows, document: str, now: datetime, by: str, world: World
) -> list[int]:
    """Record all activities of a table in the caller's transaction and return their numbers.

    Nothing is recorded where ``read.faulty``, before or after its content was looked at. Raises
    Refused where a file has become another one since.
    """
    today = now.astimezone(world.timezone).date()
    found = examine(session, read, document, today, world)
    if read.faulty or not found:
        return []
    ready: list[Checked] = []
    for checked, file in found:
        if file is not None:
            mention = evidence.from_file(session, file, now, by)
            checked = checked._replace(done=replace(checked.done, evidence=mention))
        ready.append(checked)
    return record_all(session, ready, now, by, world)


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
