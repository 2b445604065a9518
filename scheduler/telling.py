"""What an edit says to people: that a date has moved, that a duty is theirs now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import func, select, update
from sqlmodel import Session

from scheduler import holding, queries, recalling
from scheduler.addressing import Recipient, recipients
from scheduler.hours import sending
from scheduler.ladder import CHANGED, reached
from scheduler.occurrences import Occurrence, bound
from scheduler.placing import RESTING
from scheduler.postponing import postponed
from scheduler.queries import NOTICES
from scheduler.world import World

HANDED_ON = "责任单位已改"
MOVED = "期限由"  # then both dates: how a note of a change goes on after its basis


class Succession(NamedTuple):
    """An occurrence whose parties an edit changed: as it was, and as it is now."""

    old: Occurrence
    new: Occurrence

    @property
    def relieved(self) -> frozenset[str | None]:
        """Return the institutions that neither owe nor assist any more."""
        return bound(self.old) - bound(self.new)


def successions(
    session: Session, changed: Iterable[str], wanted: Mapping[str, Occurrence]
) -> dict[str, Succession]:
    """Return which of the changed keys get other parties; to be asked before they are written."""
    known = holding.known(session, changed)
    pairs = {key: Succession(old.occurrence, wanted[key]) for key, old in known.items()}
    return {key: pair for key, pair in pairs.items() if bound(pair.old) != bound(pair.new)}


def hand_on(
    session: Session, found: Mapping[str, Succession], now: datetime, world: World
) -> None:
    """Take back what waits for those who are relieved, and tell the new ones what others know.

    They are told by the highest rung that was planned for each target, in the next sending hours;
    what comes after it takes its course.
    """
    if not found:
        return
    recalling.recall(session, found, now, "责任单位已改，另拟新信")
    for key, pair in found.items():
        if gone := [one for one in pair.relieved if one]:
            session.execute(
                update(NOTICES)
                .where(NOTICES.c.key == key, NOTICES.c.institution.in_(gone))
                .where(NOTICES.c.message_id.is_(None), NOTICES.c.reason.is_(None))
                .values(reason=HANDED_ON)
            )
    status = queries.statuses(session, found)
    planned = queries.planned(session, found)
    granted = queries.extensions(session, found)
    for key, pair in found.items():
        one = postponed(pair.new, granted.get(key), world.workdays)
        old = postponed(pair.old, granted.get(key), world.workdays)
        if one.due is None or one.due != old.due or status[key] in RESTING:
            continue
        note = None
        if one.responsible != pair.old.responsible:
            note = f"责任单位由{pair.old.responsible.name}改为{one.responsible.name}"
        _tell(session, one, planned.get((key, one.due), {}), note, now, world)


def _tell(
    session: Session,
    one: Occurrence,
    planned: Collection[str],
    note: str | None,
    now: datetime,
    world: World,
) -> None:
    today = now.astimezone(world.timezone).date()
    rows: list[queries.Row] = []
    for step in reached(one, planned, world.workdays, world.timezone, today):
        rows += [
            _row(one.key, step.rung, one.due, recipient, now, world)
            | {
                "statutory": step.statutory,
                "note": "；".join(part for part in (note, recipient.note) if part) or None,
            }
            for recipient in recipients(one, step.to, world, today)
        ]
    queries.plan_notices(session, rows)


def moved(
    session: Session, dates: Mapping[str, date], found: Mapping[str, Succession], now: datetime,
    world: World, why: str = "",
) -> None:  # fmt: skip
    """Plan one notice “date changed” for everyone who was told a date that no longer holds.

    ``dates``: the new date of each key that moved. Who is relieved of it is left alone. ``why``:
    on what authority it moved, in a few words.
    """
    today = now.astimezone(world.timezone).date()
    coming = {key: day for key, day in dates.items() if day >= today}
    counts = _counts(session, coming)
    rows: list[queries.Row] = []
    for key, notices in recalling.told(session, coming).items():
        new = coming[key]
        relieved = found[key].relieved if key in found else frozenset()
        rows += [
            _row(
                key, CHANGED, new,
                Recipient(
                    notice.recipient, notice.institution, notice.role, notice.office,
                    notice.placeholder,
                ),
                now, world,
            )
            | {
                "channel": notice.channel,
                "move": counts.get(key, 0) + 1,
                "note": "，".join(
                    part
                    for part in (why, f"{MOVED}{notice.due.isoformat()}改为{new.isoformat()}")
                    if part
                ),
            }
            for notice in notices
            if notice.due != new and notice.institution not in relieved
        ]  # fmt: skip
    queries.plan_notices(session, rows)


def _counts(session: Session, keys: Iterable[str]) -> dict[str, int]:
    """Return how often people were told that the date of an occurrence has changed."""
    found: dict[str, int] = {}
    for some in queries.chunks(keys):
        query = (
            select(NOTICES.c.key, func.max(NOTICES.c.move))
            .where(NOTICES.c.key.in_(some), NOTICES.c.rung == CHANGED)
            .group_by(NOTICES.c.key)
        )
        found.update((key, count) for key, count in session.execute(query))
    return found


def _row(
    key: str, rung: str, due: date | None, to: Recipient, now: datetime, world: World
) -> queries.Row:
    return {
        "key": key,
        "rung": rung,
        "due": due,
        "recipient": to.address,
        "channel": "mail",
        "move": 0,
        "restored": False,
        "institution": to.institution,
        "role": to.role,
        "office": to.office,
        "placeholder": to.placeholder,
        "statutory": False,
        "release_at": sending(now, world.timezone, world.workdays),
        "planned_at": now,
        "note": to.note,
    }
