"""When a mailbox refuses for good, its notices go to the next contact of the institution."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from sqlalchemy import select
from sqlmodel import Session

from notifications.claims import REFUSED_AGAIN
from scheduler.hours import sending
from scheduler.queries import MESSAGES, NOT_TOLD, NOTICES, plan_notices
from scheduler.tables import Notice
from scheduler.world import World

FROM = "原收件邮箱 "  # how the note of a notice begins that was passed on, then the mailbox
UNSURE = "不能确定是否送到，再次交出时被拒"
ROLES = ("liaison", "coordinator", "leader")


def pass_on(
    session: Session, message: int, now: datetime, world: World, why: str = "拒收"
) -> int:
    """Plan the notices of a failed message for whoever is next; return how many found somebody.

    ``why`` says in Chinese what became of it, for a note in the mail to the next one; where an
    earlier hand-over may have arrived, the note says that.

    An institution that another of its mailboxes was told already is left alone. Where nobody is
    left, the coordinator above gets it; the last failure stays listed as failed.
    """
    today = now.astimezone(world.timezone).date()
    rows = session.execute(select(Notice).where(NOTICES.c.message_id == message)).scalars().all()
    reason = session.execute(select(MESSAGES.c.reason).where(MESSAGES.c.id == message)).scalar()
    if reason == REFUSED_AGAIN:
        why = UNSURE
    planned = 0
    for notice in rows:
        tried, reached = _told(session, notice)
        if reached:
            continue
        following = next((c for c in _candidates(notice, world, today) if c[0] not in tried), None)
        if following is None:
            continue
        address, institution, role, office = following
        values = notice.model_dump(exclude={"id", "message_id", "reason", "restored"})
        values |= {
            "recipient": address,
            "institution": institution,
            "role": role,
            "office": office,
            "release_at": sending(now, world.timezone, world.workdays),
            "planned_at": now,
            "note": f"{FROM}{notice.recipient} {why}，改送本邮箱",
        }
        plan_notices(session, [values])
        planned += 1
    return planned


def _told(session: Session, notice: Notice) -> tuple[set[str], bool]:
    """Return which addresses were tried for a rung, and whether one of the institution may do."""
    column = NOTICES.c
    query = (
        select(column.recipient, column.institution, MESSAGES.c.state)
        .outerjoin(MESSAGES, MESSAGES.c.id == column.message_id)
        .where(column.key == notice.key, column.rung == notice.rung, column.due == notice.due)
        .where(column.channel == notice.channel, column.reason.is_(None))
        .where(column.move == notice.move)  # what was told of the time before is no news of this
    )
    rows = session.execute(query).all()
    reached = any(
        row.institution == notice.institution and row.state not in NOT_TOLD for row in rows
    )
    return {row.recipient for row in rows}, reached


def _candidates(notice: Notice, world: World, on: date) -> Iterator[tuple[str, str, str, str]]:
    """Yield (address, institution, role, office): the institution's own, then those above it."""
    roles = (notice.role, *(role for role in ROLES if role != notice.role))
    for role in roles:
        for one in world.contacts.holders(notice.institution, role, on):
            yield one.email, notice.institution, role, one.office
    roster = world.rosters.get(notice.key.partition("/")[0])
    for body in roster.above(notice.institution) if roster else ():
        for one in world.contacts.holders(body, "coordinator", on):
            yield one.email, body, "coordinator", one.office
