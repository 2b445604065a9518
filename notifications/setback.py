"""The clock was far ahead and is right again: what was done by the wrong time is put straight.

What was handed over cannot be called back and is not sent again. All else finds its own time: a
clock that ran ahead for an hour must not cost anybody the reminder of next week.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select, update
from sqlmodel import Session

from notifications import pause
from notifications.claims import LEFT_TO_ADMIN
from notifications.records import cancel
from scheduler import queries
from scheduler.applying import settle
from scheduler.ladder import REVIEWS, steps
from scheduler.postponing import postponed
from scheduler.queries import MESSAGES, NOTICES, OCCURRENCES
from scheduler.rows import decode
from scheduler.store import one_planner, reading, writing
from scheduler.world import World

TICK = "tick"  # the mark of the last round
AHEAD = timedelta(days=1)  # less than that brings no rung before its day
WHY = "拟信时时钟走快，已拨回，另拟新信"
NO_STEP = "计划时时钟走快，已拨回"
LATE = "期限已过"

M, N, O = MESSAGES.c, NOTICES.c, OCCURRENCES.c  # noqa: E741
log = logging.getLogger("duban.clock")


def mend(engine: Engine, now: datetime, world: World) -> bool:
    """Put straight what was done by a clock more than a day ahead of ``now``; return if it was."""
    with reading(engine) as session:
        if not _was_ahead(session, now):
            return False
    with writing(engine) as session:
        one_planner(session, slow=True)
        if not _was_ahead(session, now):
            return False  # another process was quicker
        before = queries.mark(session, TICK)
        _messages(session, now)
        _notices(session, now, world)
        stopped = pause.current(session)
        if stopped is not None and stopped.until > now + AHEAD:
            pause.end(session, now)
        open_ = select(O.key).where(O.status.in_(("open", "acknowledged", "returned")), O.due.is_not(None))
        settle(session, list(session.execute(open_).scalars()), now, world)
        queries.set_mark(session, TICK, now.isoformat())
        detail = f"上次巡查在 {before}，时钟已拨回；没有交出的重新安排，交出去的不再发"
        entry = {"at": now, "who": "duban", "action": "clock", "about": "outbox", "detail": detail}
        queries.audit(session, [entry])
    log.warning("时钟拨回到 %s：%s", now.isoformat(timespec="seconds"), detail)
    return True


def _was_ahead(session: Session, now: datetime) -> bool:
    ticked = queries.mark(session, TICK)
    return ticked is not None and datetime.fromisoformat(ticked) > now + AHEAD


def _set(session: Session, table: Any, *where: Any, **values: Any) -> None:
    session.execute(update(table).where(*where).values(**values))


def _messages(session: Session, now: datetime) -> None:
    limit = now + AHEAD
    untouched = M.state.in_(("ready", "sending", "held")), M.handed == 0
    found = session.execute(select(M.id).where(*untouched, M.composed_at > limit))
    for number in list(found.scalars()):
        cancel(session, number, WHY, now)
    _set(session, MESSAGES, M.state == "ready", M.next_try_at > limit, next_try_at=now)
    _set(
        session, MESSAGES, M.state == "in_doubt", M.next_try_at > limit,
        next_try_at=None, reason=LEFT_TO_ADMIN,
    )  # fmt: skip
    # Whoever had these has them no longer; if it lives, its receipt settles the doubt.
    _set(
        session, MESSAGES, M.state.in_(("sending", "handing")), M.lease_until > limit,
        lease_until=now,
    )  # fmt: skip
    expired = select(M.id).where(M.state == "expired", M.handed == 0, M.finished_at > limit)
    _set(session, NOTICES, N.message_id.in_(expired), message_id=None, release_at=now)


def _notices(session: Session, now: datetime, world: World) -> None:
    limit = now + AHEAD
    today = now.astimezone(world.timezone).date()
    _set(
        session, NOTICES, N.message_id.is_(None), N.reason == LATE, N.due >= today,
        reason=None, release_at=now,
    )  # fmt: skip
    ahead = N.planned_at > limit
    waiting = session.execute(
        select(N.id, N.rung, N.due, O.body)
        .outerjoin(OCCURRENCES, O.key == N.key)
        .where(ahead, N.message_id.is_(None), N.reason.is_(None))
    )
    for number, rung, due, body in waiting.all():
        one = postponed(decode(body), due, world.workdays) if body else None
        ladder = steps(one, world.workdays, world.timezone) if one else ()
        at = next((step.at for step in ladder if step.rung == rung), None)
        if rung in REVIEWS:  # what it tells of is recorded, whatever the clock said
            at = now
        values: dict[str, Any] = {"reason": NO_STEP} if at is None else {"release_at": at}
        _set(session, NOTICES, N.id == number, **values)
    # From now on the ladder does not take them for rungs that it has climbed; those who have got
    # one do not get it again, for it is there.
    _set(session, NOTICES, ahead, restored=True)
