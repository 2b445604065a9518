"""What people record changes the projection: through the same plan as an edit, for a few subjects."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from scheduler import holding, projection, queries, recalling, recorded
from scheduler.applying import write
from scheduler.occurrences import Occurrence
from scheduler.plan import Changes, compare, horizon, wanted
from scheduler.store import one_planner
from scheduler.world import World


def revise(
    session: Session,
    document: str,
    obligations: Collection[str],
    subjects: Collection[str],
    now: datetime,
    world: World,
    by: str,
) -> Changes:
    """Bring the stored occurrences of some obligations and subjects up to what is recorded.

    In the caller's transaction; ``world`` holds the applied documents. Returns what changed. Where
    nothing was applied yet nothing is: the first to apply the documents takes the records in.
    """
    one_planner(session)
    session.flush()
    if not queries.newest_version(session):
        return Changes((), {})
    source = world.documents[document]
    some = tuple(duty for duty in source.obligations if duty.id in obligations)
    if not some:
        return Changes((), {})
    narrowed = source.model_copy(update={"obligations": some})
    today = now.astimezone(world.timezone).date()
    found = [
        one
        for one in wanted(
            replace(world, documents={document: narrowed}),
            [document],
            horizon(today),
            recorded.records(session, [document]),
        )
        if one.key.split("/")[2] in subjects
    ]
    keys = [
        key
        for obligation in obligations
        for subject in subjects
        for key in queries.keys_under(session, f"{document}/{obligation}/{subject}/")
    ]
    held = holding.held_of(session, {*keys, *(one.key for one in found)})
    changes = compare(
        found,
        held,
        lambda some_keys: holding.known(session, some_keys),
        now,
        world.workdays,
        world.timezone,
        recorded=True,
    )
    write(session, changes, held, now, world, by)
    recorded.note(session, (move.key for move in changes.moves if move.action != "keep"))
    return changes


def let_go(session: Session, one: Occurrence, now: datetime, world: World, by: str) -> bool:
    """Cancel what was only kept because it was done, and is not any more; return whether it was.

    An edit leaves what is done standing where the documents no longer ask for it. Opened again by
    a return or a correction, nobody owes it. In the caller's transaction.
    """
    source = world.documents.get(one.document)
    some = [duty for duty in source.obligations if duty.id == one.obligation] if source else []
    today = now.astimezone(world.timezone).date()
    if source and some:
        narrowed = source.model_copy(update={"obligations": tuple(some)})
        alone = replace(world, documents={one.document: narrowed})
        known = recorded.records(session, [one.document])
        if any(w.key == one.key for w in wanted(alone, [one.document], horizon(today), known)):
            return False
    projection.cancel(session, [one.key], today)
    projection.touch(session, [one.key], now)
    recalling.drop_pending(session, {one.key: None}, "事项已取消")
    entry = {"at": now, "who": by, "action": "remove", "about": one.key}
    queries.audit(session, [entry | {"detail": "文件里已经没有这一事项，不再办结，随之取消"}])
    return True
