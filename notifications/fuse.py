"""The burst fuse: when far more is due than was foreseen, ordinary mail is held for the admin.

The rule. Every working day the service notes how many occurrences its ladders will speak of on each
of the next 31 days. On a later day it adds up what was foreseen from the day after the note to that
day, and counts the occurrences for which notices were planned since. More than twice as many and 50
besides is a burst: a bad edit, a clock that jumped, a backup restored. Days of standstill were
foreseen and do not trip it, nor do great days that stood in the ladders, nor a first adoption,
which is added to what is foreseen. Statutory mail goes on. What is held waits for ``release``; it
is looked at anew then.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, select, update
from sqlmodel import Session

from notifications import alarms
from notifications.records import cancel, newest
from scheduler.adoptions import adopted
from scheduler.hours import sending
from scheduler.ladder import REMIND, REVIEWS
from scheduler.queries import MARKS, MESSAGES, NOTICES, OCCURRENCES, audit, mark, set_mark
from scheduler.world import World

FORECAST, TRIPPED = "forecast", "fuse"
AHEAD = 31  # days for which a forecast is kept
FACTOR, SPARE = 2, 50
RELEASED = "已放行，重新核对后另拟新信"


class Tripped(NamedTuple):
    """Since when ordinary mail is held, and why."""

    since: datetime
    reason: str


@dataclass(frozen=True)
class Forecast:
    """What is foreseen, as noted on a local day.

    ``expected``: occurrences foreseen for that day by the note before, None where there was none;
    ``base``: the newest notice of the days before; ``seen``: the newest one looked at; ``days``:
    occurrences foreseen by day. Of the reminders that first adoptions had brought, ``adopted`` are
    those that counted before, ``began`` those there were as the day began; ``documents``: how many
    were adopted.
    """

    day: date
    expected: int | None = None
    base: int = 0
    seen: int = 0
    adopted: int = 0
    began: int = 0
    documents: int = 0
    days: Mapping[date, int] = field(default_factory=dict)


def current(session: Session) -> Tripped | None:
    """Return since when and why ordinary mail is held, None while it flows."""
    value = mark(session, TRIPPED)
    if value is None:
        return None
    found = json.loads(value)
    return Tripped(datetime.fromisoformat(found["since"]), found["reason"])


def trip(session: Session, now: datetime, world: World, reason: str) -> None:
    """Hold ordinary mail from now on; the admin is told."""
    if current(session) is not None:
        return
    said = {"since": now.isoformat(), "reason": reason}
    set_mark(session, TRIPPED, json.dumps(said, ensure_ascii=False))
    _hold(session, reason)
    _note(session, now, "fuse", reason)
    alarms.tripped(session, now, world, reason)


def release(session: Session, now: datetime, world: World, by: str) -> int:
    """Let ordinary mail flow again and return how many held mails will be composed anew.

    What was planned up to now counts as foreseen.
    """
    session.execute(delete(MARKS).where(MARKS.c.name == TRIPPED))
    last = newest(session)
    if (known := _read(session)) is not None:
        _write(session, replace(known, base=last, seen=last))
    held = session.execute(select(MESSAGES.c.id).where(MESSAGES.c.state == "held")).scalars().all()
    release_at = sending(now, world.timezone, world.workdays)
    for message in held:
        session.execute(
            update(NOTICES)
            .where(NOTICES.c.message_id == message)
            .values(release_at=release_at)
        )
        cancel(session, message, RELEASED, now)
    _note(session, now, "release", f"放行 {len(held)} 封", by)
    return len(held)


def judge(session: Session, now: datetime, world: World) -> str | None:
    """Return why ordinary mail is to be held at ``now`` (aware, in the sending hours), or None.

    Trips the fuse where more is due than was foreseen, and keeps the forecast.
    """
    if not world.fused:
        return None
    today = now.astimezone(world.timezone).date()
    known, last, brought = _read(session), newest(session), adopted(session)
    if known is None or known.day > today:  # nothing was foreseen for a clock that went back
        known = Forecast(today, None, last, 0, brought.reminders, brought.reminders)
    elif known.day < today:
        foreseen = sum(n for day, n in known.days.items() if known.day < day <= today)
        known = Forecast(today, foreseen, known.seen, 0, known.began, brought.reminders)
    elif (known.seen, known.documents) == (last, brought.documents):
        return _why(session)
    reason = _burst(session, known, brought.reminders)
    if reason is not None:
        trip(session, now, world, reason)
        known = replace(known, base=last)
    days = _foresee(session, now, world)
    _write(session, replace(known, seen=last, documents=brought.documents, days=days))
    return _why(session)


def _why(session: Session) -> str | None:
    tripped = current(session)
    return tripped.reason if tripped else None


def _burst(session: Session, known: Forecast, brought: int) -> str | None:
    if known.expected is None:
        return None
    found = session.execute(
        select(func.count(NOTICES.c.key.distinct())).where(
            NOTICES.c.id > known.base,
            NOTICES.c.restored.is_(False),
            NOTICES.c.rung.not_in((REMIND, *REVIEWS)),  # somebody did something for these
        )
    ).scalar_one()
    expected = known.expected + max(0, brought - known.adopted)
    if found <= FACTOR * expected + SPARE:
        return None
    return f"到今天为止要提醒 {found} 项，原先只预计 {expected} 项"


def _foresee(session: Session, now: datetime, world: World) -> dict[date, int]:
    """Return how many occurrences the ladders will speak of on each of the next days."""
    zone = world.timezone
    first = now.astimezone(zone).date() + timedelta(days=1)
    start = datetime.combine(first, time(), tzinfo=zone)
    column = OCCURRENCES.c.next_notice_at
    query = select(column).where(column >= start, column < start + timedelta(days=AHEAD))
    return Counter(at.astimezone(zone).date() for at in session.execute(query).scalars() if at)


def _hold(session: Session, reason: str) -> None:
    session.execute(
        update(MESSAGES)
        .where(MESSAGES.c.state == "ready", MESSAGES.c.handed == 0)
        .where(MESSAGES.c.statutory.is_(False), MESSAGES.c.role.not_in(alarms.ROLES))
        .values(state="held", reason=reason, next_try_at=None)
    )


def _read(session: Session) -> Forecast | None:
    value = mark(session, FORECAST)
    if value is None:
        return None
    said = json.loads(value)
    days = {date.fromisoformat(day): count for day, count in said.pop("days").items()}
    return Forecast(date.fromisoformat(said.pop("day")), days=days, **said)


def _write(session: Session, known: Forecast) -> None:
    said = {
        "day": known.day.isoformat(), "expected": known.expected, "base": known.base,
        "seen": known.seen, "adopted": known.adopted, "began": known.began,
        "documents": known.documents,
        "days": {day.isoformat(): count for day, count in sorted(known.days.items())},
    }  # fmt: skip
    set_mark(session, FORECAST, json.dumps(said))


def _note(session: Session, now: datetime, action: str, detail: str, who: str = "duban") -> None:
    entry = {"at": now, "who": who, "action": action, "about": "outbox", "detail": detail}
    audit(session, [entry])
