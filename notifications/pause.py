"""The queue stands still when the fault is the relay's, and tries one mail now and then.

A wrong password, a relay that refuses everybody, or one that falls silent after every mail must not
burn through three hundred addresses.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlmodel import Session

from scheduler.queries import MARKS, audit, mark, set_mark

NAME = "outbox.paused"
SILENCES = "outbox.silences"  # to whom hand-overs went unanswered, one after the other
WITHIN = timedelta(hours=1)  # what is further apart is no series
# Made once, for it is asked for every mail that is sent.
_STANDING = select(MARKS.c.name).where(MARKS.c.name.in_((NAME, SILENCES)))
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
    """Pause the queue, or go on pausing it for longer than before.

    Only a probe makes it longer; mails that were in hand when it began tell nothing new.
    """
    before = current(session)
    if before is not None and before.since <= now < before.until:
        return before
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
    """Let mail flow again; whatever series of silences there was is over."""
    found = set(session.execute(_STANDING).scalars())
    if found:
        session.execute(delete(MARKS).where(MARKS.c.name.in_(sorted(found))))
    if NAME in found:
        _note(session, now, "resume", "")


def silence(session: Session, now: datetime, recipient: str) -> int:
    """Note a hand-over that got no answer; return how many recipients that makes in a row.

    Two processes that note one at the same time may count one for both: the next makes up for it.
    """
    value = mark(session, SILENCES)
    before: dict[str, str] = json.loads(value) if value else {}
    recent = {
        who: at for who, at in before.items() if abs(now - datetime.fromisoformat(at)) <= WITHIN
    }
    recent[recipient] = now.isoformat()
    set_mark(session, SILENCES, json.dumps(recent, ensure_ascii=False))
    return len(recent)


def _note(session: Session, now: datetime, action: str, detail: str) -> None:
    entry = {"at": now, "who": "duban", "action": action, "about": "outbox", "detail": detail}
    audit(session, [entry])
