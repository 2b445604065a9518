"""What the store counts towards quotas: activities by window, and who keeps records at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import Session

from scheduler.counting import Deed, tally
from scheduler.occurrences import Occurrence
from scheduler.pacing import Kept, is_short, window_of
from scheduler.queries import NOTICES, OCCURRENCES, PARTIES, chunks, table
from scheduler.tables import Activity
from scheduler.world import World

ACTIVITIES = table(Activity)
Series = tuple[str, str, str]  # document, obligation, subject


def series_of(key: str) -> Series:
    """Return document, obligation and subject of an occurrence's key."""
    document, obligation, subject, _ = key.split("/", 3)
    return document, obligation, subject


def keepers(
    session: Session, documents: Iterable[str], subjects: Iterable[str]
) -> dict[tuple[str, str], datetime]:
    """Return since when (aware) subjects of documents keep records; who never did is missing.

    Whoever withdrew what was recorded keeps records still.
    """
    names = sorted(set(documents))
    found: dict[tuple[str, str], datetime] = {}
    column = ACTIVITIES.c
    for some in chunks(sorted(set(subjects))):
        query = (
            select(column.document, column.subject, func.min(column.recorded_at))
            .where(column.document.in_(names), column.subject.in_(some))
            .group_by(column.document, column.subject)
        )
        found |= {(document, subject): at for document, subject, at in session.execute(query)}
    return found


def deeds(
    session: Session, series: Iterable[Series], first: date, last: date
) -> dict[Series, list[Deed]]:
    """Return what stands recorded from one local day to another (both included), by series."""
    asked = set(series)
    found: dict[Series, list[Deed]] = defaultdict(list)
    column = ACTIVITIES.c
    for some in chunks(sorted({subject for _, _, subject in asked})):
        query = (
            select(
                column.document, column.obligation, column.subject, column.on, column.count,
                column.item,
            )
            .where(column.document.in_({document for document, _, _ in asked}))
            .where(column.obligation.in_({obligation for _, obligation, _ in asked}))
            .where(column.subject.in_(some), column.on >= first, column.on <= last)
            .where(column.withdrawn_at.is_(None))
            .order_by(column.on, column.id)
        )  # fmt: skip
        for document, obligation, subject, *deed in session.execute(query):
            if (document, obligation, subject) in asked:
                found[document, obligation, subject].append(Deed(*deed))
    return found


def kept(
    session: Session, found: Iterable[Occurrence], today: date, world: World
) -> dict[str, Kept]:
    """Return, by key, what is counted for those quotas whose subjects keep records."""
    windows = {one.key: window for one in found if (window := window_of(one)) is not None}
    if not windows:
        return {}
    keys = {key: series_of(key) for key in windows}
    begun = keepers(
        session,
        (document for document, _, _ in keys.values()),
        (subject for _, _, subject in keys.values()),
    )
    asked = {key: one for key, one in keys.items() if (one[0], one[2]) in begun}
    if not asked:
        return {}
    first = min(windows[key].opens for key in asked)
    last = max(windows[key].due for key in asked)
    done = deeds(session, asked.values(), first, last)
    return {
        key: Kept(
            tally(windows[key], done.get(one, ()), today),
            begun[one[0], one[2]].astimezone(world.timezone).date(),
        )
        for key, one in asked.items()
    }


def spoken(
    session: Session, found: Sequence[Occurrence], now: datetime, world: World
) -> dict[tuple[str, str], date]:
    """Return which series of short windows among these spoke in the local month of ``now``.

    By series and side (see ``pacing.side``), with the day.
    """
    short = [one for one in found if is_short(one)]
    if not short:
        return {}
    today = now.astimezone(world.timezone).date()
    month = datetime(today.year, today.month, 1, tzinfo=world.timezone)
    near = timedelta(days=45)
    wanted = {one.key.rpartition("/")[0] for one in short}
    occurrence, notice = OCCURRENCES.c, NOTICES.c
    query = (
        select(occurrence.key)
        .where(occurrence.document.in_({one.document for one in short}))
        .where(occurrence.obligation.in_({one.obligation for one in short}))
        .where(occurrence.responsible_id.in_({one.responsible.id for one in short}))
        .where(occurrence.due >= today - near, occurrence.due <= today + near)
    )
    keys = [key for key in session.execute(query).scalars() if key.rpartition("/")[0] in wanted]
    said: dict[tuple[str, str], date] = {}
    for some in chunks(keys):
        notices = select(notice.key, notice.rung, notice.planned_at).where(
            notice.key.in_(some), notice.reason.is_(None), notice.planned_at >= month
        )
        for key, rung, at in session.execute(notices):
            series = key.rpartition("/")[0]
            said[series, rung.partition("-")[0]] = at.astimezone(world.timezone).date()
    return said


def windows(
    session: Session,
    document: str,
    subject: str,
    institutions: Iterable[str],
    since: date,
    obligation: str | None = None,
) -> list[tuple[str, date]]:
    """Return key and last day of the stored quota windows of a subject that end on a day or later.

    By last day. ``institutions``: some that the windows touch; only their rows are looked through.
    """
    occurrence = OCCURRENCES.c
    some = sorted(institutions)
    query = (
        select(occurrence.key, occurrence.due)
        .where(occurrence.document == document, occurrence.kind == "quota")
        .where(occurrence.due >= since, occurrence.status != "cancelled")
        .order_by(occurrence.due, occurrence.key)
    )
    if some:
        near = select(PARTIES.c.key).where(PARTIES.c.institution.in_(some))
        query = query.where(occurrence.key.in_(near))
    if obligation is not None:
        query = query.where(occurrence.obligation == obligation)
    return [(key, due) for key, due in session.execute(query) if series_of(key)[2] == subject]
