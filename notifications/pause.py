"""The queue stands still when the fault is the relay's, and tries one mail now and then.

A wrong password or a relay that refuses everybody must not burn through three hundred addresses.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete
from sqlmodel import Session

from scheduler.queries import MARKS, audit, mark, set_mark

NAME = "outbox.paused"
STEPS = tuple(timedelta(minutes=n) for n in (1, 6, 20, 60))


class Pause(NamedTuple):
    """Since when and why nothing is sent, how often one mail was tried since, and when next."""

    since: datetime
    reason: str
    tries: int
    until: datetime


def current(session: Session) -> Pause | None:
    """Return the pause that holds, None while mail flows."""
    value = mark(session, NAME)
    if value is None:
        return None
    found = json.loads(value)
    return Pause(
        datetime.fromisoformat(found["since"]),
        found["reason"],
        found["tries"],
        datetime.fromisoformat(found["until"]),
    )


def begin(session: Session, now: datetime, reason: str) -> Pause:
    """Pause the queue, or go on pausing it for longer than before."""
    before = current(session)
    tries = before.tries + 1 if before else 0
    found = Pause(
        before.since if before else now, reason, tries, now + STEPS[min(tries, len(STEPS) - 1)]
    )
    written = {
        "since": found.since.isoformat(),
        "reason": reason,
        "tries": tries,
        "until": found.until.isoformat(),
    }
    set_mark(session, NAME, json.dumps(written, ensure_ascii=False))
    if before is None:
        _note(session, now, "pause", reason)
    return found


def end(session: Session, now: datetime) -> None:
    """Let mail flow again."""
    if current(session) is not None:
        session.execute(delete(MARKS).where(MARKS.c.name == NAME))
        _note(session, now, "resume", "")


def _note(session: Session, now: datetime, action: str, detail: str) -> None:
    entry = {"at": now, "who": "duban", "action": action, "about": "outbox", "detail": detail}
    audit(session, [entry])
