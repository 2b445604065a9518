"""What time alone brings: a new year at the end of the horizon, a new notice of holidays."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlmodel import Session

from scheduler import holding, projection, queries, recorded
from scheduler.applying import settle, write
from scheduler.plan import Changes, compare, horizon, wanted
from scheduler.proposing import workdays_digest
from scheduler.store import one_planner
from scheduler.world import World

CANCELLED_FOR = timedelta(days=30)  # so long calendars show that something was cancelled


def extend(session: Session, now: datetime, world: World) -> Changes | None:
    """Keep the stored occurrences up to the horizon, once a local day; return what was added.

    ``world`` holds the applied documents. None: there was nothing to do. Nothing is done to a
    store in which nothing is applied.
    """
    today = now.astimezone(world.timezone).date()
    if not world.documents or queries.mark(session, "extended") == today.isoformat():
        return None
    one_planner(session)
    if queries.mark(session, "extended") == today.isoformat():
        return None  # another process was quicker
    queries.set_mark(session, "extended", today.isoformat())
    projection.purge(session, today - CANCELLED_FOR)
    _follow_holidays(session, now, world)
    reached = date.fromisoformat(queries.mark(session, "horizon") or date.min.isoformat())
    until = horizon(today)
    if until <= reached:
        return None
    names = sorted(world.documents)
    found = [
        one
        for one in wanted(world, names, until, recorded.records(session, names))
        if one.due is not None and one.due > reached
    ]
    keys = {one.key for one in found}
    held = {k: v for k, v in holding.held(session, world.documents).items() if k in keys}
    changes = compare(
        found,
        held,
        lambda some: holding.known(session, some),
        now,
        world.workdays,
        world.timezone,
        extending=True,
    )
    write(session, changes, held, now, world, "duban")
    queries.set_mark(session, "horizon", until.isoformat())
    return changes


def _follow_holidays(session: Session, now: datetime, world: World) -> None:
    """Move what is scheduled where a notice of holidays that came in says so.

    Due dates and what is shown wait for a plan; when the next reminder goes does not.
    """
    known = workdays_digest(world.workdays)
    if queries.mark(session, "workdays") != known:
        settle(session, queries.scheduled(session), now, world)
        queries.set_mark(session, "workdays", known)
