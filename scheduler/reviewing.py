"""Who receives a report is told that it waits for acceptance, or that more time is asked for.

These notices go the ordinary way: planned in the transaction of what they tell of, released in the
next sending hours, part of the digest of the day. They stand aside from the ladder.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import func, select, update
from sqlmodel import Session

from scheduler import holding, queries
from scheduler.addressing import receivers
from scheduler.facts import Reading
from scheduler.hours import sending
from scheduler.ladder import ASKED, SUBMITTED
from scheduler.occurrences import Occurrence
from scheduler.postponing import postponed
from scheduler.queries import NOTICES
from scheduler.tables import Fact
from scheduler.world import World

AGAIN = "已另拟一条"


def submitted(
    session: Session, one: Occurrence, found: Reading, fact: Fact, now: datetime, world: World
) -> None:
    """Plan the notice that a report waits; ``fact`` is what made it wait, ``found`` all of them.

    ``one`` with the date that counts now.
    """
    own = fact.kind == "submitted"
    parts = (
        f"报送日期 {found.reported_on}" if found.reported_on else "",
        f"说明：{fact.reason}" if own and fact.reason else "",
        "附有佐证" if own and fact.evidence else "",
    )
    _tell(session, one, SUBMITTED, "；".join(part for part in parts if part), now, world)


def asked(
    session: Session, key: str, until: date, reason: str, now: datetime, world: World
) -> None:
    """Plan the notice that somebody asks for more time, until a day (included)."""
    known = holding.known(session, [key])
    if key not in known:
        return
    granted = queries.extensions(session, [key]).get(key)
    one = postponed(known[key].occurrence, granted, world.workdays)
    _tell(session, one, ASKED, f"想延到 {until}；理由：{reason}", now, world)


def _tell(
    session: Session, one: Occurrence, rung: str, note: str, now: datetime, world: World
) -> None:
    """Plan one notice for each mailbox of the receivers; it takes the place of one that waits."""
    today = now.astimezone(world.timezone).date()
    column = NOTICES.c
    same = (column.key == one.key, column.rung == rung)
    session.execute(
        update(NOTICES)
        .where(*same, column.message_id.is_(None), column.reason.is_(None))
        .values(reason=AGAIN)
    )
    count = session.execute(select(func.max(column.move)).where(*same)).scalar_one() or 0
    rows: list[queries.Row] = [
        {
            "key": one.key,
            "rung": rung,
            "due": one.due or today,
            "recipient": to.address,
            "channel": "mail",
            "move": count + 1,
            "restored": False,
            "institution": to.institution,
            "role": to.role,
            "office": to.office,
            "placeholder": to.placeholder,
            "statutory": False,
            "release_at": sending(now, world.timezone, world.workdays),
            "planned_at": now,
            "note": note,
        }
        for to in receivers(one, world, today)
    ]
    queries.plan_notices(session, rows)
